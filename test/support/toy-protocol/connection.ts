import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { shownPeer } from '../../../agent/base/network/ip-address.ts';
import type { Sample } from '../../../agent/media/sample/sample.ts';
import type { Track } from '../../../agent/media/sample/track.ts';
import type { ServerDeps, SessionItem } from '../../../agent/protocols/contract.ts';
import type { Publication, Publisher } from '../../../agent/stream/contracts.ts';
import type { Reader, Stream } from '../../../agent/stream/stream.ts';
import {
  FRAME,
  FrameReader,
  type Hello,
  readSample,
  readTracks,
  writeFrame,
  writeSample,
  writeTracks,
} from './frames.ts';
import { TOY_SESSION } from './session-kinds.ts';

const MAX_QUEUED_BYTES = 1 << 20;

/** One client, and its session once its first frame is accepted. */
export class ToyConnection implements Reader, Publisher {
  readonly connectionId = randomUUID();
  readonly id = randomUUID();
  readonly kind = TOY_SESSION;
  readonly #socket: Socket;
  readonly #deps: ServerDeps;
  readonly #remote: string;
  readonly #created: string;
  #session: (Hello & { readonly name: string }) | undefined;
  #publication: Publication | undefined;
  #published: Stream | undefined;
  #read: Stream | undefined;
  #waitsForKey = true;

  constructor(socket: Socket, deps: ServerDeps) {
    this.#socket = socket;
    this.#deps = deps;
    this.#remote = shownPeer(socket.remoteAddress ?? '', socket.remotePort ?? 0);
    this.#created = new Date(deps.clock.wallMs()).toISOString();
    const frames = new FrameReader((type, payload) => this.#onFrame(type, payload));
    socket.on('data', (chunk: Buffer) => {
      try {
        frames.push(chunk);
      } catch {
        socket.destroy();
      }
    });
    socket.on('error', () => {});
    socket.once('close', () => this.#onClose());
  }

  get connection(): SessionItem {
    const { bytesRead: inboundBytes, bytesWritten: outboundBytes } = this.#socket;
    return { id: this.connectionId, created: this.#created, remoteAddr: this.#remote, inboundBytes, outboundBytes };
  }

  /** Undefined before its first frame is accepted. */
  get session(): (SessionItem & { readonly userAgent: string }) | undefined {
    return (
      this.#session && {
        ...this.connection,
        id: this.id,
        state: this.#session.role,
        path: this.#session.path,
        query: this.#session.query,
        user: this.#session.name,
        userAgent: '',
      }
    );
  }

  /** The reader in the viewing history. */
  get watcher(): { readonly user: string; readonly remoteAddr: string } {
    return { user: this.#session?.name ?? '', remoteAddr: this.#remote };
  }

  get query(): string {
    return this.#session?.query ?? '';
  }

  close(): void {
    this.#socket.destroy();
  }

  onReplaced(): void {
    this.close();
  }

  onSample(track: number, sample: Sample): void {
    this.#waitsForKey ||= this.#socket.writableLength > MAX_QUEUED_BYTES;
    if (!this.#waitsForKey || sample.key) {
      this.#waitsForKey = false;
      this.#socket.write(writeSample(track, sample));
      this.#read?.countSent(sample.data.length);
    }
  }

  onTrack(_track: number, _description: Track): void {
    this.#socket.write(writeTracks(this.#read?.tracks ?? []));
  }

  onEnd(): void {
    this.close();
  }

  #onFrame(type: number, payload: Buffer): void {
    if (type === FRAME.hello && !this.#session) {
      this.#open(JSON.parse(payload.toString())).catch(() => this.close());
    } else if (type === FRAME.tracks && this.#publication) {
      this.#published = this.#publication.publish(readTracks(payload));
    } else if (type === FRAME.sample && this.#published) {
      const { track, sample } = readSample(payload);
      this.#published.write(track, sample);
    }
  }

  async #open(hello: Hello): Promise<void> {
    const { role, path, query, user, password = '' } = hello;
    const { remoteAddress: ip = '', remotePort = 0, localAddress = '', localPort = 0 } = this.#socket;
    const access = await this.#deps.access.authorize(role, path, {
      protocol: 'toy',
      ip,
      connection: { client: { ip, port: remotePort }, server: { ip: localAddress, port: localPort } },
      query,
      id: this.connectionId,
      userAgent: '',
      credentials: user === undefined ? undefined : { user, password },
    });
    if (typeof access === 'string') {
      this.close();
      return;
    }
    if (role === 'publish') {
      this.#session = { ...hello, name: access.user };
      this.#publication = this.#deps.paths.publish(path, this);
      this.#socket.write(writeFrame(FRAME.accepted, Buffer.alloc(0)));
      return;
    }
    const stream = await this.#deps.paths.open(path, query);
    if (this.#socket.destroyed) {
      return;
    }
    this.#session = { ...hello, name: access.user };
    this.#read = stream;
    this.#socket.write(writeTracks(stream.tracks));
    stream.addReader(this, true);
    stream.recipients.begin(this, query);
  }

  #onClose(): void {
    this.#read?.recipients.end(this);
    this.#read?.removeReader(this);
    this.#publication?.close();
  }
}
