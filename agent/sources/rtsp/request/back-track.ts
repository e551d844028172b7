import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { HeaderField } from '../../../media/rtsp/message.ts';
import type { SdpMedia } from '../../../media/sdp/parse.ts';
import type { BackChannel } from '../../../stream/contracts.ts';

/** Tells a camera that we know what a track is that it does not send (ONVIF Streaming §5.3.1). */
export const REQUIRE_BACK_CHANNEL: HeaderField = ['Require', 'www.onvif.org/ver20/backchannel'];

const CODECS: Readonly<Record<string, BackChannel['codec']>> = { PCMA: 'PCMA', PCMU: 'PCMU' };

/** What can be said to a camera on one of its tracks. */
export interface BackTrack {
  readonly codec: BackChannel['codec'];
  readonly format: RtpFormat;
  /** As sent: absolute, relative or absent. */
  readonly control: string | undefined;
}

/** The back channel of a description, in its first format that we can make: G.711. */
export function findBackTrack(medias: readonly SdpMedia[]): BackTrack | undefined {
  for (const { isBackChannel, formats, control } of medias) {
    for (const format of isBackChannel ? formats : []) {
      const codec = CODECS[format.encoding];
      if (codec !== undefined) {
        return { codec, format, control };
      }
    }
  }
  return undefined;
}
