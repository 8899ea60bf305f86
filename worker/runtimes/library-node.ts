// The filter's own HTTP/1.1 on the sockets of Node: the platform, and the listener with its limits.
export { nodeSockets, type Sockets } from '../http1/sockets.ts'
export { type FilterListener, listenOnSocket } from './socket-listener.ts'
export { createSocketPlatform, type SocketPlatform } from './socket-platform.ts'
export type { SocketRequest, Traffic } from './socket-request.ts'
