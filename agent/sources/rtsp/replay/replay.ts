import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import type { ByteChannel } from '../../../base/network/socket-channel.ts';
import type { HeaderField } from '../../../media/rtsp/message.ts';
import type { SdpMedia } from '../../../media/sdp/parse.ts';
import type { LoginWatch } from '../../../protocols/contract.ts';
import { openChannel } from '../../../transports/rtsp/channel/open-channel.ts';
import { joinControl, parseAddress } from '../../../transports/rtsp/request/address.ts';
import { Authenticator } from '../../../transports/rtsp/request/authenticator.ts';
import { type FrameSink, RtspConnection } from '../../../transports/rtsp/request/connection.ts';
import { type Description, MethodClient, Redirect } from '../../../transports/rtsp/request/method-client.ts';
import { cameraOf } from '../../../transports/tls/peer.ts';
import type { LinkShare } from './link-share.ts';
import { type ReplayOutput, ReplayTrack } from './replay-track.ts';

const ANSWER_MS = 20_000;
/** A card is searched for the first picture. */
const FIRST_PICTURE_MS = 30_000;
/** Some cameras end a replay without a word. */
const SILENCE_MS = 8_000;
const TICK_MS = 100;
/** While the owner is behind: a disk takes what waits in some milliseconds. */
const BEHIND_TICK_MS = 10;
/** A disk that takes nothing for longer hangs. */
const BEHIND_MS = 60_000;
const CHANNELS = 256;
/** A card that sends no key picture for longer gives nothing that can be recorded. */
const NO_KEY_MS = 15 * 60_000;
/** Each picture has its time; the first packets may be the rest of one before. */
const NO_TIME_MS = 10_000;
/** Sound and picture end at about the same time; one of them may end without a flag. */
const OTHERS_MS = 1_000;
const REQUIRE: HeaderField = ['Require', 'onvif-replay'];
/** Refusals that have other reasons than header fields. */
const OTHER_REASONS = [401, 403, 404, 453, 454, 457, 503];
/** The camera has nothing there: no such recording, or not in this range. */
const NOTHING = [404, 457];

export interface ReplayOptions {
  /** Name of the path, for messages. */
  readonly name: string;
  /** Address of GetReplayUri. Redirects are not followed. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly loginWatch?: LoginWatch | undefined;
  /** SHA-256 of the TLS certificate in hex; empty: its issuer has to be trusted. */
  readonly fingerprint?: string;
  readonly hasSound: boolean;
  /** By the camera's clock, Unix milliseconds; `fromMs` is the origin of ticks. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** Limit of the rate at which the camera is read. Asked for ten times a second. */
  maxBytesPerSecond(): number;
  /** Measures the camera's link. */
  readonly link?: LinkShare | undefined;
  /** The camera has accepted PLAY. */
  readonly onPlay?: (() => void) | undefined;
  readonly clock: Clock;
}

/** What the owner of a replay decides while it runs. */
export interface ReplayControl extends ReplayOutput {
  /** It has all that it needs. */
  readonly isDone: boolean;
  /** It has to store what has come before it takes more. */
  readonly isBehind?: boolean;
}

/** How a replay ended. `silent`: the camera sent nothing, or nothing more, without saying so. `nothing`: it says that it has nothing. */
export type ReplayEnd = 'complete' | 'silent' | 'nothing';

/**
 * Replays a part of a recording on a camera's card, ONVIF Streaming §6: as fast as `maxBytesPerSecond` allows, over its own RTSP
 * connection. @throws PerchError if the camera refuses (`status` in its context), or the connection breaks; the reason of `signal`
 */
export async function replayRecording(
  options: ReplayOptions,
  output: ReplayControl,
  signal: AbortSignal,
): Promise<ReplayEnd> {
  const { name, url, user, password = '', loginWatch, fingerprint = '', clock } = options;
  signal.throwIfAborted();
  const address = parseAddress(url, name);
  const peer = cameraOf(name);
  const credentials = user === undefined ? address.credentials : { user, password };
  const newAuthenticator = () => new Authenticator(credentials, true, loginWatch);
  const channel = openChannel(address, { peer, fingerprint, authenticator: newAuthenticator() });
  const connection = new RtspConnection(channel, address, peer, clock);
  const client = new MethodClient(connection, address, newAuthenticator(), { peer, timeoutMs: ANSWER_MS }, signal);
  const reader = new ReplayReader(channel, options, output, signal);
  connection.frames = reader;
  try {
    await client.queryMethods();
    const description = await client.describe();
    if (description instanceof Redirect) {
      throw new PerchError('unsupported', `camera of path '${name}' redirects to another address for its recordings`);
    }
    await setUp(client, description, address, options, reader, output);
    await play(client, options);
    options.onPlay?.();
    return await reader.run(connection, client);
  } catch (error) {
    if (error instanceof PerchError && NOTHING.some((status) => status === error.context['status'])) {
      return 'nothing';
    }
    throw error;
  } finally {
    reader.close();
    await client.teardown();
    connection.fail(new PerchError('unavailable', 'connection is over'));
  }
}

/** SETUP of the first video track, and of the first track of sound. Sound is optional. */
async function setUp(
  client: MethodClient,
  { sdp, base }: Description,
  address: ReturnType<typeof parseAddress>,
  { name, hasSound, fromMs }: ReplayOptions,
  reader: ReplayReader,
  output: ReplayOutput,
): Promise<void> {
  for (const kind of hasSound ? ['video', 'audio'] : ['video']) {
    const [found] = sdp.medias.filter((media) => media.kind === kind && !media.isBackChannel).flatMap(trackOf);
    if (!found && kind === 'video') {
      throw new PerchError('unsupported', `the card in the camera of path '${name}' has no video that is supported`);
    }
    if (!found) {
      continue;
    }
    const { media, receiver } = found;
    const asked = 2 * reader.tracks.length;
    const wanted = { protocol: 'tcp', isSecure: false, isMulticast: false, interleaved: [asked, asked + 1] } as const;
    const uri = joinControl(address, base, media.control);
    try {
      const answer = await client.setup(uri, wanted, [REQUIRE]).catch((error: unknown) => {
        // The feature tag belongs to PLAY; a few cameras reject it here.
        if (isOfFields(error)) {
          return client.setup(uri, wanted);
        }
        throw error;
      });
      if (answer.protocol !== 'tcp') {
        throw new PerchError('unsupported', `camera of path '${name}' replays its recordings only over UDP`);
      }
      reader.add(receiver, answer.interleaved ?? wanted.interleaved);
    } catch (error) {
      if (kind === 'video' || !(error instanceof PerchError) || error.code === 'unauthorized') {
        throw error;
      }
    }
  }

  function trackOf(media: SdpMedia): { media: SdpMedia; receiver: ReplayTrack }[] {
    return media.formats.flatMap((format) => {
      const receiver = new ReplayTrack(reader.tracks.length, format, media.kind === 'video', fromMs, output);
      return receiver.isSupported ? [{ media, receiver }] : [];
    });
  }
}

/** PLAY, with fewer header fields if the camera does not know them. */
async function play(client: MethodClient, { fromMs, untilMs }: ReplayOptions): Promise<void> {
  const range: HeaderField = ['Range', `clock=${rangeTime(fromMs)}-${rangeTime(untilMs)}`];
  const fast: HeaderField = ['Rate-Control', 'no'];
  const forms = [
    [REQUIRE, range, fast, ['Immediate', 'yes'] as const],
    [REQUIRE, range, fast],
    [REQUIRE, range],
    [range],
  ];
  for (const [i, fields] of forms.entries()) {
    try {
      await client.play(fields);
      return;
    } catch (error) {
      if (i === forms.length - 1 || !isOfFields(error)) {
        throw error;
      }
    }
  }
}

const isOfFields = (error: unknown): boolean => {
  const status = error instanceof PerchError ? error.context['status'] : undefined;
  return typeof status === 'number' && !OTHER_REASONS.includes(status);
};

/** RFC 2326 §3.7: `20260301T120000.500Z`. */
const rangeTime = (ms: number): string => new Date(ms).toISOString().replace(/[-:]/g, '');

/** Reads the frames of a replay at a limited rate, and sees its end. */
class ReplayReader implements FrameSink {
  readonly tracks: ReplayTrack[] = [];
  readonly #byChannel: (ReplayTrack | undefined)[] = new Array(CHANNELS).fill(undefined);
  readonly #byControl: (ReplayTrack | undefined)[] = new Array(CHANNELS).fill(undefined);
  readonly #channel: ByteChannel;
  readonly #options: ReplayOptions;
  readonly #output: ReplayControl;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  /** Aborted when the owner has all: the end does not wait for a tick. */
  readonly #done = new AbortController();
  /** Of the first packet, monotonic; NaN: none has come. */
  #firstMs = Number.NaN;
  #bytes = 0;
  /** Bytes that may still be read. */
  #allowed = 0;
  #isPaused = false;
  #waitsForOwner = false;
  /** When the owner was last seen to have stored what had come. */
  #storedMs = 0;
  /** Until PLAY is answered, frames are few, and a pause would stop the answer as well. */
  #isRunning = false;
  #lastMs: number;
  #hasPackets = false;

  constructor(channel: ByteChannel, options: ReplayOptions, output: ReplayControl, signal: AbortSignal) {
    this.#channel = channel;
    this.#options = options;
    this.#output = output;
    this.#signal = signal;
    this.#clock = options.clock;
    this.#lastMs = this.#clock.monoMs();
  }

  add(track: ReplayTrack, [rtp, rtcp]: readonly [number, number]): void {
    this.tracks.push(track);
    this.#byChannel[rtp] = track;
    this.#byControl[rtcp] = track;
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    const track = this.#byChannel[channel];
    if (track) {
      this.#lastMs = this.#clock.monoMs();
      this.#firstMs = this.#hasPackets ? this.#firstMs : this.#lastMs;
      this.#hasPackets = true;
      track.packet(chunk, start, end);
    } else {
      this.#byControl[channel]?.control(chunk, start, end);
    }
    if (this.#output.isDone && !this.#done.signal.aborted) {
      this.#done.abort();
    }
    this.#bytes += end - start;
    this.#allowed -= end - start;
    if (this.#isRunning && !this.#isPaused) {
      const isBehind = this.#output.isBehind === true;
      if (isBehind || this.#allowed < 0) {
        this.#isPaused = true;
        this.#channel.pause();
      }
      if (isBehind) {
        void this.#waitForOwner();
      }
    }
  }

  async #waitForOwner(): Promise<void> {
    this.#waitsForOwner = true;
    while (this.#isRunning && this.#output.isBehind) {
      await this.#clock.sleep(BEHIND_TICK_MS, this.#signal);
    }
    this.#waitsForOwner = false;
    // Between two ticks it may catch up and fall behind again.
    this.#storedMs = this.#clock.monoMs();
    this.#resume();
  }

  #resume(): void {
    if (this.#isRunning && this.#isPaused && this.#allowed > 0 && !this.#waitsForOwner) {
      this.#isPaused = false;
      this.#channel.resume();
    }
  }

  /** Reads until the end. @throws PerchError when the connection breaks */
  async run(connection: RtspConnection, client: MethodClient): Promise<ReplayEnd> {
    const end = await withJoinedSignal([this.#signal, this.#done.signal], undefined, (joined) =>
      this.#read(connection, client, joined.signal),
    );
    this.#requireTimes();
    return end;
  }

  /** @throws PerchError if pictures came that cannot be dated */
  #requireTimes(): void {
    if (this.tracks.some(({ isVideo, packets, hasTimes }) => isVideo && packets > 0 && !hasTimes)) {
      const { name } = this.#options;
      throw new PerchError('unsupported', `camera of path '${name}' replays its recordings without their times`);
    }
  }

  async #read(connection: RtspConnection, client: MethodClient, awake: AbortSignal): Promise<ReplayEnd> {
    const { name, link } = this.#options;
    const [output, signal] = [this.#output, this.#signal];
    let [tickMs, endedMs] = [this.#clock.monoMs(), Number.NaN];
    link?.begin(tickMs);
    let keepAliveMs = tickMs;
    let [keys, keyMs] = [0, tickMs];
    this.#lastMs = tickMs;
    this.#storedMs = tickMs;
    this.#allowed = (Math.max(1, this.#options.maxBytesPerSecond()) * TICK_MS) / 1000;
    this.#isRunning = true;
    let broken: { readonly cause: unknown } | undefined;
    void connection.ended.then((cause) => {
      broken = { cause };
    });
    for (;;) {
      await this.#clock.sleep(TICK_MS, awake);
      signal.throwIfAborted();
      const nowMs = this.#clock.monoMs();
      link?.read(this.#bytes, this.tracks.find(({ isVideo }) => isVideo)?.lastMs ?? Number.NaN, nowMs);
      const perSecond = Math.max(1, this.#options.maxBytesPerSecond());
      this.#allowed = Math.min(perSecond, this.#allowed + (perSecond * (nowMs - tickMs)) / 1000);
      tickMs = nowMs;
      const hasEnded = this.tracks.map((track) => track.hasEnded);
      endedMs = hasEnded.includes(true) && Number.isNaN(endedMs) ? nowMs : endedMs;
      const isPictureOver = this.tracks.every(({ isVideo, hasEnded: isOver }) => isOver || !isVideo);
      if (nowMs - this.#firstMs >= NO_TIME_MS) {
        this.#requireTimes();
      }
      if (output.isDone || hasEnded.every(Boolean) || (isPictureOver && nowMs - endedMs >= OTHERS_MS)) {
        return 'complete';
      }
      if (broken) {
        throw broken.cause;
      }
      const nowKeys = this.tracks.reduce((sum, track) => sum + track.keyPictures, 0);
      keyMs = nowKeys > keys ? nowMs : keyMs;
      keys = nowKeys;
      if (nowMs - keyMs > NO_KEY_MS) {
        throw new PerchError('timeout', `the card in the camera of path '${name}' sends no key pictures`);
      }
      this.#storedMs = output.isBehind ? this.#storedMs : nowMs;
      if (nowMs - this.#storedMs > BEHIND_MS) {
        throw new PerchError('exhausted', 'the disk hangs', { path: name });
      }
      if (this.#isPaused) {
        this.#lastMs = nowMs;
        this.#resume();
      } else if (nowMs - this.#lastMs >= (this.#hasPackets ? SILENCE_MS : FIRST_PICTURE_MS)) {
        return 'silent';
      }
      if (nowMs - keepAliveMs >= Math.min(client.sessionMs / 2, 30_000)) {
        keepAliveMs = nowMs;
        client.keepAlive();
      }
    }
  }

  close(): void {
    this.#isRunning = false;
    if (this.#isPaused) {
      this.#channel.resume();
    }
    this.#byChannel.fill(undefined);
    this.#byControl.fill(undefined);
  }
}
