import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { endpointOf } from '../../base/network/ip-address.ts';
import { CONNECTION_BYTES, type PreLoginMemory, type PreLoginShare } from '../../base/network/pre-login-memory.ts';
import { SendProgress } from '../../base/network/send-progress.ts';
import type { ByteChannel } from '../../base/network/socket-channel.ts';
import type { AmfInput, AmfObject, AmfValue } from '../../media/amf/amf0.ts';
import type { SessionAccess, SessionKind } from '../../protocols/contract.ts';
import type { Paths } from '../../stream/contracts.ts';
import type { FlvAbilities } from '../../transports/flv/selection.ts';
import { abilitiesOf, OUR_ABILITIES } from '../../transports/rtmp/abilities.ts';
import { type LinkOwner, RtmpLink } from '../../transports/rtmp/link.ts';
import { EVENT, MESSAGE_STREAM } from '../../transports/rtmp/messages.ts';
import { PlaySession } from './play-session.ts';
import { PublishSession } from './publish-session.ts';
import type { RtmpConnItem } from './session-kinds.ts';
import { credentialsOf, type RtmpTarget, targetOf, withoutSecrets } from './target.ts';

/** Bytes that one packet of `writeQueueSize` stands for: the UDP payload of an Ethernet frame. */
const PACKET_BYTES = 1_472;
/** Limit of commands before publish or play, and in each second after it. */
const MAX_COMMANDS = 64;
/** Limit of received bytes before publish or play: a client needs a few kilobytes, and a flood of clients delays packets of cameras. */
const MAX_BYTES_BEFORE_MEDIA = 128 << 10;

/** What the connections of one port share. */
interface SharedServer {
  readonly kind: SessionKind;
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly writeQueueSize: number;
  readonly paths: Paths;
  readonly access: SessionAccess;
  readonly preLogin: PreLoginMemory;
  readonly clock: Clock;
}

/** A client's connection: one stream, published or read. RTMP 1.0 §7.2. */
export class RtmpConnection implements LinkOwner {
  readonly id = randomUUID();
  readonly #channel: ByteChannel;
  readonly #ip: string;
  readonly #link: RtmpLink;
  readonly #server: SharedServer;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onClosed: (connection: RtmpConnection) => void;
  readonly #created: string;
  #preLogin: PreLoginShare | undefined;
  #session: PublishSession | PlaySession | undefined;
  /** A publish or play command is being answered, or was. */
  #isTaken = false;
  #commands = 0;
  #app: string | undefined;
  #abilities: FlvAbilities = { fourCcs: [], hasMultitrack: false };
  #target: RtmpTarget = { name: '', query: '' };
  #user = '';
  #userAgent = '';
  #isClosed = false;
  readonly #openedMs: number;
  readonly #progress: SendProgress;
  #finishedMs: number | undefined;

  constructor(channel: ByteChannel, server: SharedServer, log: Logger, onClosed: (connection: RtmpConnection) => void) {
    this.#channel = channel;
    this.#ip = endpointOf(channel.remote).ip;
    this.#server = server;
    this.#clock = server.clock;
    this.#log = log.child({ remote: channel.remote });
    this.#onClosed = onClosed;
    this.#created = new Date(server.clock.wallMs()).toISOString();
    this.#openedMs = server.clock.monoMs();
    this.#progress = new SendProgress(this.#openedMs);
    this.#preLogin = server.preLogin.open(this.#ip, () => this.close('clients without a login use too much memory'));
    this.#preLogin?.hold(CONNECTION_BYTES);
    this.#link = new RtmpLink(channel, true, this);
  }

  describe(): RtmpConnItem {
    const { receivedBytes, sentBytes } = this.#link;
    return {
      id: this.id,
      created: this.#created,
      remoteAddr: this.#channel.remote,
      state: this.#session?.state ?? 'idle',
      path: this.#session ? this.#target.name : '',
      query: this.#session ? withoutSecrets(this.#target.query) : '',
      user: this.#user,
      userAgent: this.#userAgent,
      inboundBytes: receivedBytes,
      outboundBytes: sentBytes,
      outboundFramesDiscarded: this.#session?.discardedFrames ?? 0,
      bytesReceived: receivedBytes,
      bytesSent: sentBytes,
    };
  }

  /** Ends at once. */
  close(reason: string): void {
    this.#markClosed(reason);
    this.#channel.destroy();
    this.#onClosed(this);
  }

  /** Called once a second. */
  tick(nowMs: number): void {
    const { readTimeoutMs, writeTimeoutMs } = this.#server;
    if (this.#isClosed) {
      if (this.#finishedMs !== undefined && nowMs - this.#finishedMs >= writeTimeoutMs) {
        this.#channel.destroy();
      }
      return;
    }
    const { queuedBytes } = this.#link;
    if (this.#progress.isStalled(this.#link.sentBytes - queuedBytes, queuedBytes, nowMs, writeTimeoutMs)) {
      this.close(`nothing could be sent for ${writeTimeoutMs / 1000} s`);
      return;
    }
    const session = this.#session;
    if (session) {
      this.#commands = 0;
    }
    if (!this.#isTaken && nowMs - this.#openedMs >= readTimeoutMs) {
      this.close(`neither publish nor play within ${readTimeoutMs / 1000} s`);
    } else if (session instanceof PublishSession) {
      this.#checkPublisher(session, nowMs);
    }
  }

  onOpen(): void {}

  onHeld(bytes: number): void {
    this.#preLogin?.hold(CONNECTION_BYTES + bytes);
    if (!this.#session && !this.#isClosed && this.#link.receivedBytes > MAX_BYTES_BEFORE_MEDIA) {
      this.close(`more than ${MAX_BYTES_BEFORE_MEDIA >> 10} kB before publish or play`);
    }
  }

  onMedia(type: number, timestamp: number, data: Uint8Array, start: number, end: number): void {
    if (this.#session instanceof PublishSession && !this.#isClosed) {
      this.#session.onMedia(type, timestamp, data, start, end);
    }
  }

  onDamage(reason: string): void {
    if (this.#session instanceof PublishSession && !this.#isClosed) {
      this.#session.onDamage(reason);
    }
  }

  onCommand(name: string, transaction: number, args: readonly AmfValue[], messageStream: number): void {
    if (this.#isClosed) {
      return;
    }
    this.#limitCommands();
    switch (name) {
      case 'connect':
        this.#connect(transaction, args);
        return;
      case 'createStream':
        this.#link.command(0, '_result', transaction, null, MESSAGE_STREAM);
        return;
      case 'releaseStream':
      case 'FCPublish':
      case 'FCUnpublish':
      case 'FCSubscribe':
      case 'getStreamLength':
        this.#link.command(0, '_result', transaction, null, 0);
        return;
      case 'publish':
        this.#take(name, amfString(args[1]), messageStream);
        return;
      case 'play':
        this.#take(name, amfString(args[1]), messageStream);
        return;
      case 'pause':
        this.#pause(args[1] === true, messageStream);
        return;
      case 'deleteStream':
      case 'closeStream':
        this.#finish('closed by the client');
        return;
      default:
      // Results, and calls such as _checkbw, need no answer.
    }
  }

  onEnd(cause: unknown): void {
    if (cause !== undefined && !(cause instanceof PerchError) && !isNetworkError(cause)) {
      this.#log.error({ err: cause }, 'error in an RTMP connection');
    }
    this.#markClosed(cause === undefined ? 'closed by the client' : explain(cause), cause instanceof PerchError);
    this.#onClosed(this);
  }

  #limitCommands(): void {
    this.#commands += 1;
    if (this.#commands > MAX_COMMANDS) {
      const when = this.#session ? 'in a second' : 'without publish or play';
      throw new PerchError('exhausted', `more than ${MAX_COMMANDS} commands ${when}`);
    }
    // Limit of unread answers. With media it is a group of pictures of a good camera.
    const maxBytes = this.#session instanceof PlaySession ? 32 << 20 : 1 << 18;
    if (this.#link.queuedBytes > maxBytes) {
      throw new PerchError('exhausted', `more than ${maxBytes} bytes of answers are not read`);
    }
  }

  #connect(transaction: number, args: readonly AmfValue[]): void {
    const [command] = args;
    if (!(command instanceof Map) || this.#app !== undefined) {
      throw new PerchError('badInput', 'connect without an object, or repeated');
    }
    const fields: AmfObject = command;
    this.#app = amfString(fields.get('app'));
    this.#userAgent = amfString(fields.get('flashVer')).slice(0, 256);
    this.#abilities = abilitiesOf(fields);
    this.#link.begin();
    acceptConnect(this.#link, transaction);
  }

  #take(action: 'publish' | 'play', stream: string, messageStream: number): void {
    if (this.#app === undefined || this.#isTaken) {
      throw new PerchError('badInput', `${action} before connect, or after publish or play`);
    }
    this.#isTaken = true;
    this.#start(action, this.#app, stream, messageStream).catch((error: unknown) => {
      if (this.#isClosed) {
        return;
      }
      if (!(error instanceof PerchError)) {
        this.#log.error({ err: error }, `RTMP ${action} failed`);
      }
      this.#reject(action, error, messageStream);
    });
  }

  async #start(action: 'publish' | 'play', app: string, stream: string, messageStream: number): Promise<void> {
    const target = targetOf(app, stream);
    this.#target = target;
    const access = action === 'play' ? 'read' : 'publish';
    const local = this.#channel.local ?? '';
    const result = await this.#server.access.authorize(access, target.name, {
      protocol: 'rtmp',
      ip: this.#ip,
      connection: { client: endpointOf(this.#channel.remote), server: endpointOf(local) },
      query: target.query,
      id: this.id,
      userAgent: this.#userAgent,
      credentials: credentialsOf(target.query),
    });
    if (typeof result === 'string') {
      throw new PerchError('unauthorized', 'not permitted: user and password belong in the address (?user=…&pass=…)');
    }
    if (this.#isClosed) {
      return;
    }
    this.#user = result.user;
    this.#preLogin?.end();
    this.#preLogin = undefined;
    if (action === 'publish') {
      this.#publish(target, messageStream);
    } else {
      await this.#play(target, messageStream);
    }
  }

  #publish({ name, query }: RtmpTarget, messageStream: number): void {
    const { kind, paths } = this.#server;
    const request = {
      kind,
      id: this.id,
      name,
      query: withoutSecrets(query),
      link: this.#link,
      close: (reason: string) => this.close(reason),
    };
    this.#session = new PublishSession(request, paths, this.#clock, this.#log);
    this.#link.allowMedia();
    sendStatus(this.#link, messageStream, 'NetStream.Publish.Start', 'Publishing.');
    this.#log.info({ path: name }, 'is publishing to path');
  }

  async #play({ name, query }: RtmpTarget, messageStream: number): Promise<void> {
    const { kind, paths, writeQueueSize } = this.#server;
    const stream = await paths.open(name, query);
    if (this.#isClosed) {
      return;
    }
    const request = {
      kind,
      id: this.id,
      query: withoutSecrets(query),
      link: this.#link,
      abilities: this.#abilities,
      messageStream: MESSAGE_STREAM,
      watcher: { user: this.#user, remoteAddr: this.#channel.remote },
      limitBytes: writeQueueSize * PACKET_BYTES,
      finish: (reason: string) => this.#endPlay(messageStream, reason),
    };
    const session = new PlaySession(request, stream);
    if (this.#isClosed) {
      session.close();
      return;
    }
    this.#session = session;
    this.#link.event(EVENT.streamBegin, MESSAGE_STREAM);
    sendStatus(this.#link, messageStream, 'NetStream.Play.Reset', 'Playing and resetting.');
    sendStatus(this.#link, messageStream, 'NetStream.Play.Start', 'Started playing.');
    session.start();
    this.#log.info({ path: name }, 'is reading from path');
    for (const { codec, reason } of session.rejected) {
      this.#log.warn({ path: name, codec, reason }, 'RTMP reader gets the stream without a track');
    }
  }

  #endPlay(messageStream: number, reason: string): void {
    if (!this.#isClosed) {
      this.#link.event(EVENT.streamEnd, MESSAGE_STREAM);
      sendStatus(this.#link, messageStream, 'NetStream.Play.Stop', 'The stream has ended.');
      this.#finish(reason);
    }
  }

  #pause(isPaused: boolean, messageStream: number): void {
    if (this.#session instanceof PlaySession) {
      this.#session.pause(isPaused);
      const code = isPaused ? 'NetStream.Pause.Notify' : 'NetStream.Unpause.Notify';
      sendStatus(this.#link, messageStream, code, isPaused ? 'Paused.' : 'Continues.');
    }
  }

  #reject(action: 'publish' | 'play', error: unknown, messageStream: number): void {
    const reason = error instanceof PerchError ? error.message : 'internal error';
    sendStatus(this.#link, messageStream, rejectionCode(action, error), reason, 'error');
    this.#log.info({ path: this.#target.name, reason }, `RTMP ${action} rejected`);
    this.#finish(reason);
  }

  #checkPublisher(session: PublishSession, nowMs: number): void {
    const { readTimeoutMs } = this.#server;
    if (nowMs - session.lastReceivedMs >= readTimeoutMs) {
      this.close(`no media for ${readTimeoutMs / 1000} s`);
      return;
    }
    try {
      session.check();
    } catch (error) {
      if (!(error instanceof PerchError)) {
        this.#log.error({ err: error }, 'fault while receiving from a publisher');
      }
      this.#markClosed(explain(error), true);
      this.close(explain(error));
    }
  }

  /** Sends what is queued, then closes. */
  #finish(reason: string): void {
    this.#markClosed(reason);
    this.#finishedMs = this.#clock.monoMs();
    this.#link.end();
  }

  #markClosed(reason: string, isRejected = false): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#preLogin?.end();
    const session = this.#session;
    this.#session = undefined;
    session?.close();
    this.#log[isRejected ? 'info' : 'debug']({ reason }, 'RTMP connection closed');
  }
}

const amfString = (value: AmfValue): string => (typeof value === 'string' ? value : '');
const isNetworkError = (cause: unknown): boolean => cause instanceof Error && 'syscall' in cause;

/** Clients expect the form of a Flash Media Server's version. */
const SERVER = { fmsVer: 'FMS/3,0,1,123', capabilities: 31 };
const CONNECTED = {
  level: 'status',
  code: 'NetConnection.Connect.Success',
  description: 'Connection succeeded.',
  objectEncoding: 0,
  ...OUR_ABILITIES,
};

/** RTMP 1.0 §7.2.1.1 */
function acceptConnect(link: RtmpLink, transaction: number): void {
  link.command(0, '_result', transaction, SERVER, CONNECTED);
}

/** onStatus: RTMP 1.0 §7.2.2 */
function sendStatus(
  link: RtmpLink,
  messageStream: number,
  code: string,
  description: string,
  level: 'status' | 'error' = 'status',
): void {
  const information: { readonly [name: string]: AmfInput } = { level, code, description };
  link.command(messageStream, 'onStatus', 0, null, information);
}

function rejectionCode(action: 'publish' | 'play', error: unknown): string {
  const code = error instanceof PerchError ? error.code : undefined;
  if (action === 'publish') {
    return code === 'unauthorized' ? 'NetStream.Publish.Denied' : 'NetStream.Publish.BadName';
  }
  return code === 'notFound' ? 'NetStream.Play.StreamNotFound' : 'NetStream.Play.Failed';
}
