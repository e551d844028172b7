import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { joinSignals } from '../../base/joined-signal.ts';
import type { IsOpen } from '../../cameras/adoption/try-patterns.ts';
import { DELAY_WORDS, delayOf, type ProveStream } from '../../onvif/device/streams.ts';
import { cameraError, troubleOf } from '../../onvif/soap/http/failures.ts';
import type { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import { describeStream } from '../../sources/rtsp/describe.ts';
import { answersAt } from '../../sources/rtsp/probe.ts';
import { speaksRtsp } from '../../sources/rtsp/speaks-rtsp.ts';
import { streamLogin } from './stream-login.ts';

const CONNECT_MS = 1_000;
const OPTIONS_MS = 2_000;

/** Own words in the place of what an address answers: it may be anything, and is nobody's business who only asked whether it is a camera. */
const WORDS: Partial<Record<PerchError['code'], string>> = {
  unauthorized: 'the camera refuses this user name or password for its stream',
  notFound: 'the camera has no stream at this address',
  timeout: 'no answer over RTSP: is the camera on, and RTSP switched on in its settings?',
  unavailable: 'no stream over RTSP there: check the address, and whether RTSP is switched on in the camera',
  unsupported: 'the stream is somewhere else, or of a kind that Perch does not read',
};

const CLEAR =
  'the camera takes the password for its stream in the clear only, which anybody in the network could read: allow it for this camera ("clearPassword": true)';

/** A stream is there once its server has described it with a picture. */
export const streamProver =
  (clock: Clock, logins?: LoginMemory) =>
  (isClearAllowed: boolean): ProveStream =>
  async (url, credentials, signal) => {
    const options = { ...(logins && { logins }), clock, isAsked: true };
    const loginWatch = streamLogin('camera', url, credentials ?? {}, options);
    try {
      const described = await describeStream(url, credentials, { signal, clock, isClearAllowed, loginWatch });
      if (!described.hasPicture) {
        throw new PerchError('notFound', 'a stream without a picture');
      }
      return described;
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      if (troubleOf(error)) {
        // Not shown: the words say why and until when.
        throw error;
      }
      const { code, context } = error;
      const { isUnreachable, host, wantsClear, status, isConnected } = context;
      if (wantsClear === true) {
        throw cameraError('clearPassword', CLEAR, { host }, error);
      }
      const delay = delayOf(error);
      const words = delay
        ? `${DELAY_WORDS[delay]}: try again in a moment`
        : (WORDS[code] ?? 'what answers there does not speak RTSP as cameras do');
      const unreachable = isUnreachable === true && !delay ? { isUnreachable } : {};
      throw new PerchError(code, words, { host, status, isConnected, ...unreachable }, error);
    }
  };

/** Whoever is there in a local network answers at once. */
export const portProber =
  (clock: Clock): IsOpen =>
  async (host, port, signal) => {
    const joined = joinSignals([signal], CONNECT_MS);
    try {
      return await answersAt(host, port, clock, joined.signal);
    } finally {
      joined.release();
    }
  };

export const rtspProber =
  (clock: Clock): IsOpen =>
  (host, port, signal) =>
    speaksRtsp(`rtsp://${host.includes(':') ? `[${host}]` : host}:${port}/`, clock, OPTIONS_MS, signal);
