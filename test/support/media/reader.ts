import type { Reader } from '../../../agent/stream/stream.ts';

export interface IdleReader extends Reader {
  /** How often it was told that the stream is over. */
  ends: number;
  onSample: () => void;
}

/** A reader that does nothing with what it gets. @param isAudience as in `Reader` */
export function readerOf(type: Reader['type'], isAudience?: boolean): IdleReader {
  const reader: IdleReader = {
    type,
    id: crypto.randomUUID(),
    ...(isAudience === undefined ? {} : { isAudience }),
    ends: 0,
    onSample: () => {},
    onTrack: () => {},
    onEnd: () => {
      reader.ends += 1;
    },
  };
  return reader;
}
