import type { Clock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import { withJoinedSignal } from '../base/joined-signal.ts';
import { answersAt } from '../base/network/answers-at.ts';
import { DELAY_WORDS, delayOf, type ProbeStream } from '../onvif/device/streams.ts';
import { cameraError, troubleOf } from '../onvif/soap/http/failures.ts';
import { describeStream, speaksRtsp } from '../sources/rtsp/probe.ts';
import { rtspLoginTarget } from '../sources/rtsp/protocol.ts';
import type { IsOpen } from './adoption/try-patterns.ts';
import { streamLogin } from './stream-login.ts';

const CONNECT_MS = 1_000;
/** Time limits of the OPTIONS request: for the connection, then for the reply. */
const OPTIONS_TIMES = { connectMs: 2_000, answerMs: 20_000 };

/** Fixed texts instead of the reply, which may come from any device and is not passed on. */
const WORDS: Partial<Record<PerchError['code'], string>> = {
  unauthorized: 'the camera refuses this user name or password for its stream',
  notFound: 'the camera has no stream at this address',
  timeout: 'no answer over RTSP: is the camera on, and RTSP switched on in its settings?',
  unavailable: 'no stream over RTSP there: check the address, and whether RTSP is switched on in the camera',
  unsupported: 'the stream is elsewhere, or of a kind that Perch does not read',
};

const CLEAR =
  'the camera accepts the password for its stream only unencrypted, which anyone in the network could read: allow it for this camera ("clearPassword": true)';

/**
 * A stream exists once its server has described it with video.
 * @param onvif service of a configured camera that is read in the background: the login then has the verdict of the path's own stream;
 * absent: a user has just entered the login
 * @param onSlow the camera is connected and needs longer than usual
 */
export const createStreamProbe =
  (clock: Clock, onvif = '') =>
  (isClearAllowed: boolean, onSlow?: () => void): ProbeStream =>
  async (url, credentials, signal) => {
    const options = { clock, isInteractive: onvif === '' };
    const loginWatch = streamLogin(() => rtspLoginTarget(url, 'camera'), { ...credentials, onvif }, options);
    try {
      const described = await describeStream(url, credentials, { signal, clock, isClearAllowed, loginWatch, onSlow });
      if (!described.hasPicture) {
        throw new PerchError('notFound', 'the stream has no video');
      }
      return described;
    } catch (error) {
      // An error with a trouble means that the login was not sent. Its message says why and until when.
      if (!(error instanceof PerchError) || troubleOf(error)) {
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
        : (WORDS[code] ?? 'the device there does not speak RTSP as cameras do');
      const unreachable = isUnreachable === true && !delay ? { isUnreachable } : {};
      const camera = code === 'notFound' ? ({ camera: 'noStream' } as const) : {};
      throw new PerchError(code, words, { host, status, isConnected, ...unreachable, ...camera }, error);
    }
  };

/** A device in a local network answers at once. */
export const createPortProbe =
  (clock: Clock): IsOpen =>
  (host, port, signal) =>
    withJoinedSignal([signal], CONNECT_MS, (joined) => answersAt(host, port, clock, joined.signal));

export const createRtspProbe =
  (clock: Clock): IsOpen =>
  (host, port, signal) =>
    speaksRtsp(`rtsp://${host.includes(':') ? `[${host}]` : host}:${port}/`, clock, OPTIONS_TIMES, signal);
