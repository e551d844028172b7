import { type Clock, sleepUnlessHeld, systemClock } from '../../base/clock.ts';
import { PerchError, unlessExpected } from '../../base/errors.ts';
import { joinSignals } from '../../base/joined-signal.ts';
import { parseH264Sps } from '../../media/h264/params.ts';
import { parseH265Sps } from '../../media/h265/params.ts';
import type { RtpFormat } from '../../media/payload/depacketizer.ts';
import { decodeSprop } from '../../media/payload/nal.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import type { LoginWatch } from '../../protocols/contract.ts';
import { openChannel } from '../../transports/rtsp/channel/open-channel.ts';
import { parseAddress } from '../../transports/rtsp/request/address.ts';
import { Authenticator } from '../../transports/rtsp/request/authenticator.ts';
import { RtspConnection } from '../../transports/rtsp/request/connection.ts';
import { MethodClient, Redirect } from '../../transports/rtsp/request/method-client.ts';
import { cameraOf } from '../../transports/tls/peer.ts';

/** Default limit for the TCP connection. A connected camera without a description after this time counts as slow. */
const DEADLINE_MS = 5_000;

interface DescribeOptions {
  readonly signal: AbortSignal;
  /** The password may be sent unencrypted (Basic without TLS). */
  readonly isClearAllowed?: boolean;
  /** SHA-256 of the TLS certificate in hex; empty: its issuer has to be trusted. */
  readonly fingerprint?: string;
  /** Limit for the connection. Default: 5 s. Does not include the wait for a login turn. */
  readonly deadlineMs?: number;
  /** Limit for each reply after that. Default: 20 s. */
  readonly answerMs?: number;
  /** Called if the camera is connected and there is no description within `deadlineMs`. */
  readonly onSlow?: (() => void) | undefined;
  readonly loginWatch?: LoginWatch | undefined;
  readonly clock?: Clock;
}

/** A stream by its SDP; nothing is played. */
interface DescribedStream {
  /** Encoding of the first video track: `H264`, `H265`, `JPEG`. */
  readonly codec: string | undefined;
  readonly hasPicture: boolean;
  readonly hasSound: boolean;
  readonly hasBackChannel: boolean;
  /** The parameter sets allow reordered pictures (B-frames), or undefined if the SDP has no parameter sets. */
  readonly mayReorder: boolean | undefined;
}

/**
 * DESCRIBE (RFC 2326 §10.2), with a login if the camera requires one. Redirects are not followed: the login is for this host.
 * @throws PerchError unauthorized; notFound, unavailable, timeout, badInput
 */
export async function describeStream(
  url: string,
  credentials: Credentials | undefined,
  options: DescribeOptions,
): Promise<DescribedStream> {
  const { signal, isClearAllowed = false, fingerprint = '', clock = systemClock, loginWatch } = options;
  // Some cameras need 8 s to start an encoder for DESCRIBE.
  const { deadlineMs = DEADLINE_MS, answerMs = 20_000, onSlow } = options;
  const address = parseAddress(url, 'camera');
  const newAuthenticator = () => new Authenticator(credentials, address.isSecure || isClearAllowed, loginWatch);
  const [late, over] = [new AbortController(), new AbortController()];
  const either = joinSignals([signal, late.signal]);
  const channel = openChannel(address, { peer: cameraOf('camera'), fingerprint, authenticator: newAuthenticator() });
  const connection = new RtspConnection(channel, address, cameraOf('camera'), clock);
  const clientOptions = { peer: cameraOf('camera'), timeoutMs: answerMs };
  const client = new MethodClient(connection, address, newAuthenticator(), clientOptions, either.signal);
  void sleepUnlessHeld(clock, deadlineMs, () => loginWatch?.heldMs ?? 0, over.signal).then(() => {
    if (!connection.isConnected) {
      late.abort();
    } else if (!over.signal.aborted) {
      onSlow?.();
    }
  });
  try {
    const description = await client.describe(true);
    if (description instanceof Redirect) {
      throw new PerchError('unsupported', 'the stream is at another address; redirects are not followed here');
    }
    const { medias } = description.sdp;
    const video = medias.find(({ kind, formats }) => kind === 'video' && formats.length > 0);
    const format = video?.formats[0];
    return {
      codec: format?.encoding,
      hasPicture: video !== undefined,
      hasSound: medias.some(({ kind, isBackChannel }) => kind === 'audio' && !isBackChannel),
      hasBackChannel: medias.some(({ isBackChannel }) => isBackChannel),
      // Damaged parameter sets are reported when the stream is read.
      mayReorder: format && unlessExpected(() => mayReorder(format)),
    };
  } catch (error) {
    if (either.signal.aborted && !(error instanceof PerchError)) {
      const isLate = !signal.aborted;
      const words = isLate ? `no connection within ${deadlineMs / 1000} s` : 'canceled';
      const context = { host: address.host, isConnected: connection.isConnected };
      throw new PerchError(isLate ? 'timeout' : 'unavailable', words, context, error);
    }
    if (error instanceof PerchError && (error.code === 'timeout' || error.code === 'unavailable')) {
      const context = { ...error.context, isConnected: connection.isConnected };
      throw new PerchError(error.code, error.message, context, error.cause);
    }
    throw error;
  } finally {
    over.abort();
    either.release();
    connection.fail(new PerchError('unavailable', 'connection is over'));
  }
}

/** Most cameras without B-frames signal it in their parameter sets. */
function mayReorder({ encoding, fmtp }: RtpFormat): boolean | undefined {
  if (encoding === 'H264') {
    const sps = decodeSprop(fmtp.get('sprop-parameter-sets')).find((nal) => ((nal[0] ?? 0) & 0x1f) === 7);
    const maxFrames = sps && parseH264Sps(sps).maxReorderFrames;
    return maxFrames === undefined ? undefined : maxFrames > 0;
  }
  const [sps] = encoding === 'H265' ? decodeSprop(fmtp.get('sprop-sps')) : [];
  return sps && parseH265Sps(sps).maxReorderFrames > 0;
}

const NAME = 'camera';

/** How long to wait for the connection, and for everything once it is made. */
interface ProbeTimes {
  readonly connectMs: number;
  readonly answerMs: number;
}

/** Whether a server answers OPTIONS in RTSP, with any status (RFC 2326 §10.1). Sends no login. */
export async function speaksRtsp(
  url: string,
  clock: Clock,
  { connectMs, answerMs }: ProbeTimes,
  signal: AbortSignal,
): Promise<boolean> {
  const address = parseAddress(url, NAME);
  const authenticator = new Authenticator(undefined, false);
  const channel = openChannel(address, { peer: cameraOf(NAME), fingerprint: '', authenticator });
  const connection = new RtspConnection(channel, address, cameraOf(NAME), clock);
  const over = new AbortController();
  void clock.sleep(connectMs, over.signal).then(() => {
    if (!connection.isConnected) {
      connection.fail(new PerchError('timeout', 'no connection'));
    }
  });
  try {
    await connection.request('OPTIONS', address.uri, [], answerMs, signal);
    return true;
  } catch (error) {
    if (error instanceof PerchError || signal.aborted) {
      return false;
    }
    throw error;
  } finally {
    over.abort();
    connection.fail(new PerchError('unavailable', 'connection is over'));
  }
}
