import type { Socket } from 'node:net';

/** One read takes a whole access unit of most cameras. */
const BUFFER_BYTES = 64 << 10;

/** One buffer for all sockets, because Node reads and passes the bytes on in one step. */
let buffer: Uint8Array | undefined;

/** Node's own, which have no public names. */
interface Internals {
  readonly _handle?: { useUserBuffer?(buffer: Uint8Array): void } | null;
}

/**
 * Makes a socket read as one with the option `onread` of `connect`, which a server cannot set: into one buffer, past its stream. Node would
 * allocate a buffer for each read, outside V8's heap, and V8 marks its whole heap after some megabytes of them.
 * @param receive gets bytes that are valid during the call only
 * @returns false: this Node cannot; the socket emits `data`
 */
export function readIntoBuffer(socket: Socket, receive: (chunk: Uint8Array, length: number) => void): boolean {
  const symbols = Object.getOwnPropertySymbols(socket);
  const target = symbols.find(({ description }) => description === 'kBuffer');
  const callback = symbols.find(({ description }) => description === 'kBufferCb');
  const handle = (socket as Internals)._handle;
  if (!target || !callback || !handle?.useUserBuffer) {
    return false;
  }
  buffer ??= new Uint8Array(BUFFER_BYTES);
  handle.useUserBuffer(buffer);
  Reflect.set(socket, target, buffer);
  Reflect.set(socket, callback, (length: number, chunk: Uint8Array) => {
    receive(chunk, length);
    return true;
  });
  return true;
}
