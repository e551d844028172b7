import type { Stream } from '../../stream/stream.ts';
import { type FlvLink, FlvSender, type FlvSenderOptions } from '../flv/sender.ts';
import { rtmpFraming } from './messages.ts';

interface RtmpSenderOptions extends Omit<FlvSenderOptions, 'framing'> {
  /** Message stream ID, the result of createStream. */
  readonly messageStream: number;
}

/** Sends a stream to one peer of RTMP. */
export class RtmpSender extends FlvSender {
  constructor(link: FlvLink, stream: Stream, { messageStream, ...options }: RtmpSenderOptions) {
    super(link, stream, { ...options, framing: rtmpFraming(messageStream) });
  }
}
