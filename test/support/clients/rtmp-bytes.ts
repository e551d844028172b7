import { type AmfInput, writeAmf0 } from '../../../agent/media/amf/amf0.ts';
import { MESSAGE, writeMessage } from '../../../agent/transports/rtmp/messages.ts';

/** Both parts of a client's handshake: RTMP 1.0 §5.2. */
export const HANDSHAKE: Buffer = Buffer.concat([Buffer.of(3), Buffer.alloc(2 * 1_536)]);

export const command = (...values: readonly AmfInput[]): Buffer =>
  writeMessage(3, MESSAGE.command, 0, writeAmf0(...values));

export const CONNECT: Buffer = command('connect', 1, { app: 'live', flashVer: 'test' });
/** Commands that open a stream of the app `live`. */
export const opening = (action: 'publish' | 'play', stream: string): readonly Buffer[] => [
  ...[HANDSHAKE, CONNECT, command('createStream', 4, null), command(action, 5, null, stream, 'live')],
];
/** A picture of 1 MB, of which 100 bytes come. */
export const BEGUN_PICTURE: Buffer = Buffer.concat([Buffer.of(6, 0, 0, 0, 16, 0, 0, 9, 1, 0, 0, 0), Buffer.alloc(100)]);

/** Whole messages of 32 kB on all chunk streams, none of which a server needs to keep. */
export const MANY_MESSAGES: Buffer = Buffer.concat(
  Array.from({ length: 61 }, (_, i) => {
    const bytes = 32 << 10;
    const head = Buffer.of(3 + i, 0, 0, 0, 0, bytes >> 8, 0, MESSAGE.data, 1, 0, 0, 0);
    // In two chunks.
    return Buffer.concat([head, Buffer.alloc(bytes - 1), Buffer.of(0xc0 | (3 + i), 0)]);
  }),
);
/** Chunks as large as those messages need. */
export const CHUNK_SIZE: Buffer = writeMessage(2, MESSAGE.setChunkSize, 0, Buffer.of(0, 0, 0x7f, 0xff));
/** What encoders send before their media. */
export const METADATA: Buffer = writeMessage(
  4,
  MESSAGE.data,
  1,
  writeAmf0('@setDataFrame', 'onMetaData', { videocodecid: 7, audiocodecid: 10 }),
);
