import { type Clock, systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { joinSignals } from '../../base/joined-signal.ts';
import { sleepUnlessHeld } from '../../base/sleep-unless-held.ts';
import { parseH264Sps } from '../../media/h264/params.ts';
import { parseH265Sps } from '../../media/h265/params.ts';
import type { RtpFormat } from '../../media/payload/depacketizer.ts';
import { decodeSprop } from '../../media/payload/nal.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import type { LoginWatch } from '../../protocols/contract.ts';
import { openChannel } from './channel/open-channel.ts';
import { parseAddress } from './request/address.ts';
import { Authenticator } from './request/authenticator.ts';
import { RtspConnection } from './request/connection.ts';
import { MethodClient, Redirect } from './request/method-client.ts';

const DEADLINE_MS = 5_000;

interface DescribeOptions {
  readonly signal: AbortSignal;
  /** The password may be sent so that anybody in the network can read it (Basic without TLS). */
  readonly isClearAllowed?: boolean;
  /** SHA-256 of the TLS certificate in hex; empty: signed by someone known. */
  readonly fingerprint?: string;
  /** For everything but the wait until the login may be shown; 5 s when not given. */
  readonly deadlineMs?: number;
  readonly loginWatch?: LoginWatch | undefined;
  readonly clock?: Clock;
}

/** What a server says that a stream has; nothing is played. */
interface DescribedStream {
  /** `H264`, `H265`, `JPEG`: of the first picture. */
  readonly codec: string | undefined;
  readonly hasPicture: boolean;
  readonly hasSound: boolean;
  /** It can be talked to. */
  readonly hasBackChannel: boolean;
  /** The parameter sets allow pictures out of order (B-frames); undefined when they are not told. */
  readonly mayReorder: boolean | undefined;
}

/**
 * Asks for the description of a stream (RFC 2326 §10.2), logged in as it wants it. Nobody is followed to another address: the login
 * is for this host.
 * @throws PerchError unauthorized; notFound, unavailable, timeout, badInput
 */
export async function describeStream(
  url: string,
  credentials: Credentials | undefined,
  options: DescribeOptions,
): Promise<DescribedStream> {
  const { signal, isClearAllowed = false, fingerprint = '', deadlineMs = DEADLINE_MS, clock = systemClock } = options;
  const { loginWatch } = options;
  const address = parseAddress(url, 'camera');
  const newAuthenticator = () => new Authenticator(credentials, address.isSecure || isClearAllowed, loginWatch);
  const [late, over] = [new AbortController(), new AbortController()];
  void sleepUnlessHeld(clock, deadlineMs, () => loginWatch?.heldMs ?? 0, over.signal).then(() => late.abort());
  const either = joinSignals([signal, late.signal]);
  const channel = openChannel(address, { name: 'camera', fingerprint, authenticator: newAuthenticator() });
  const connection = new RtspConnection(channel, address, 'camera', clock);
  const clientOptions = { name: 'camera', timeoutMs: deadlineMs };
  const client = new MethodClient(connection, address, newAuthenticator(), clientOptions, either.signal);
  try {
    const description = await client.describe(true);
    if (description instanceof Redirect) {
      throw new PerchError('unsupported', 'the stream is at another address, where nobody follows');
    }
    const { medias } = description.sdp;
    const video = medias.find(({ kind, formats }) => kind === 'video' && formats.length > 0);
    return {
      codec: video?.formats[0]?.encoding,
      hasPicture: video !== undefined,
      hasSound: medias.some(({ kind, isBackChannel }) => kind === 'audio' && !isBackChannel),
      hasBackChannel: medias.some(({ isBackChannel }) => isBackChannel),
      mayReorder: mayReorder(video?.formats[0]),
    };
  } catch (error) {
    if (either.signal.aborted && !(error instanceof PerchError)) {
      const isLate = !signal.aborted;
      const words = isLate ? `no description of the stream within ${deadlineMs / 1000} s` : 'given up';
      const context = { host: address.host, isConnected: connection.remoteIp !== undefined };
      throw new PerchError(isLate ? 'timeout' : 'unavailable', words, context, error);
    }
    if (error instanceof PerchError && error.code === 'timeout') {
      const context = { ...error.context, isConnected: connection.remoteIp !== undefined };
      throw new PerchError('timeout', error.message, context, error.cause);
    }
    throw error;
  } finally {
    over.abort();
    either.release();
    connection.fail(new PerchError('unavailable', 'connection is over'));
  }
}

/** Cameras without B-frames say so in their parameter sets, most of them. */
function mayReorder(format: RtpFormat | undefined): boolean | undefined {
  try {
    if (format?.encoding === 'H264') {
      const sps = decodeSprop(format.fmtp.get('sprop-parameter-sets')).find((nal) => ((nal[0] ?? 0) & 0x1f) === 7);
      const most = sps && parseH264Sps(sps).maxReorderFrames;
      return most === undefined ? undefined : most > 0;
    }
    const [sps] = format?.encoding === 'H265' ? decodeSprop(format.fmtp.get('sprop-sps')) : [];
    return sps && parseH265Sps(sps).maxReorderFrames > 0;
  } catch (error) {
    // What is wrong with them is found out when the stream is read.
    if (error instanceof PerchError) {
      return undefined;
    }
    throw error;
  }
}
