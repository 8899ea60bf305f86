import { expect, test } from 'vitest'
import { createQuestions } from './questions.ts'

/** Two workers that are asked; what each is asked last. */
function twoWorkers() {
  const [one, other] = [{}, {}]
  let asked = 0
  const questions = createQuestions((id) => {
    asked = id
    return [one, other]
  })
  return { one, other, questions, asked: () => asked }
}

test('answers of all workers are summed', async () => {
  const { one, other, questions, asked } = twoWorkers()
  const time = questions.time()
  questions.answered(one, asked(), 3)
  questions.answered(other, asked(), 4)
  expect(await time).toBe(7)
})

test('a worker that is gone is not waited for, and one that has answered before is no other', async () => {
  const { one, other, questions, asked } = twoWorkers()
  const time = questions.time()
  questions.answered(one, asked(), 3)
  questions.gone(one)
  questions.gone({})
  questions.answered(other, asked(), 4)
  expect(await time).toBe(7)
  const second = questions.time()
  questions.answered(one, asked(), 3)
  questions.gone(other)
  expect(await second).toBe(3)
})

test('where no worker serves, there is nothing to sum', async () => {
  expect(await createQuestions(() => []).time()).toBe(0)
})
