import type { Upload } from './contracts.ts';

/** An upload of bytes that are in memory, which is not resumed. */
export const uploadOf = (key: string, content: Uint8Array, signal: AbortSignal): Upload => ({
  key,
  sizeBytes: content.length,
  read: async (position, length) => content.subarray(position, position + length),
  pace: async () => {},
  checkPoint: () => signal.throwIfAborted(),
  unfinished: undefined,
  begun: async () => {},
  sent: () => {},
  signal,
});
