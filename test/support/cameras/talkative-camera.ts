import { type Clock, systemClock } from '../../../agent/base/clock.ts';
import { explain } from '../../../agent/base/errors.ts';
import { silentLogger } from '../../../agent/base/log.ts';
import { MU_LAW } from '../../../agent/media/g711/decode.ts';
import { RtspLoudspeaker } from '../../../agent/sources/rtsp/talk/loudspeaker.ts';
import { type Transport, TransportChoice } from '../../../agent/sources/rtsp/transport/transport-choice.ts';
import { url } from './rtsp-run.ts';
import type { Caller, Script } from './scripted-camera.ts';

export const REQUIRE = 'www.onvif.org/ver20/backchannel';
const TALK = `m=audio 0 RTP/AVP 97 8 0
a=rtpmap:97 G726-16/8000
a=control:talk
a=sendonly
`;
export const PLAIN_SDP = 'v=0\nm=audio 0 RTP/AVP 0\na=control:listen\na=recvonly\n';

/** A camera with a back channel (ONVIF Streaming §5.3) that sends no media. */
export const talkative: Script = (request, caller) => {
  if (request.method === 'PLAY') {
    caller.reply(request, 200, [['Session', '4711']]);
    return true;
  }
  if (request.method !== 'DESCRIBE') {
    return undefined;
  }
  const isAsked = request.headers.get('Require') === REQUIRE;
  caller.reply(request, 200, [['Content-Type', 'application/sdp']], isAsked ? PLAIN_SDP + TALK : PLAIN_SDP);
  return true;
};

/** A camera whose back channel has these formats and lines. */
export const offering = (formats: readonly (readonly [string, string])[], lines = ''): readonly [Script, string] => [
  (request, caller) => request.method !== 'DESCRIBE' && talkative(request, caller),
  `${PLAIN_SDP}m=audio 0 RTP/AVP ${formats.map(([type]) => type).join(' ')}\n${formats
    .map(([type, map]) => `a=rtpmap:${type} ${map}\n`)
    .join('')}${lines}a=sendonly\na=control:talk\n`,
];

export const refusing =
  (method: string, status: number): Script =>
  (request, caller) => {
    if (request.method === method && request.headers.get('Require') !== undefined) {
      caller.reply(request, status);
      return true;
    }
    return talkative(request, caller);
  };

export function loudspeakerAt(
  camera: { port: number },
  clock: Clock = systemClock,
  transport: Transport | 'automatic' = 'automatic',
): RtspLoudspeaker {
  const options = { name: 'garden', url: url(camera), readTimeoutMs: 5_000 };
  return new RtspLoudspeaker(options, new TransportChoice(transport, clock), clock, silentLogger);
}

/** Interleaved frames of a talk, as RTP fields and payload. */
export const heard = ({ frames }: Caller) =>
  frames
    .filter((frame) => frame.startsWith('0:'))
    .map((frame) => {
      const packet = Buffer.from(frame.slice(2), 'hex');
      return {
        first: packet.readUInt16BE(0).toString(16),
        sequence: packet.readUInt16BE(2),
        ticks: packet.readUInt32BE(4),
        payload: packet.subarray(12).toString('latin1'),
      };
    });

/** A signal that never aborts, and a listener that hears nothing. */
export const never = new AbortController().signal;
export const deaf = (): void => {};
export const reasonOf = (failing: Promise<unknown>): Promise<string> => failing.then(() => 'nothing failed', explain);

/** A period of a tone of 1 kHz, and its level. */
export const MU_LAW_TONE = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => nearestMuLaw(12_000 * Math.sin((Math.PI * i) / 4)));
export const TONE_RMS = 12_000 / 32_768 / Math.SQRT2;

function nearestMuLaw(value: number): number {
  const distances = [...MU_LAW].map((code) => Math.abs(code - value));
  return distances.indexOf(Math.min(...distances));
}
