import { WHEPClient } from 'whip-whep/whep.js';
import { ShownClock } from './shown-clock.ts';

/** Runs in the page: see webrtc-viewer.ts. */
export interface WatchOptions {
  /** URL of the WHEP endpoint. */
  readonly url: string;
  readonly media?: readonly ('video' | 'audio')[];
  /** A regular expression: leaves only candidates of the answer that match it. */
  readonly only?: string;
  /** Sends the answer's candidates elsewhere: to this port of 127.0.0.1. */
  readonly relayPort?: number;
  /** The offer asks for audio packets of this duration (`a=ptime`). */
  readonly audioPacketMs?: number;
  /** Candidates follow the offer by PATCH; else the offer is posted at once and nothing follows. */
  readonly trickles?: boolean;
  /** The client is the reference implementation. */
  readonly isWhipWhep?: boolean;
  /** Reads the time bar of each picture that is shown. */
  readonly readsClock?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** The offer and the answer are JSON as ZLMediaKit's. */
  readonly isZlm?: boolean;
}

export interface Shown {
  /** Time since the offer was posted. */
  readonly atMs: number;
  /** Unix time. */
  readonly wallMs: number;
  /** The value of the time bar. */
  readonly clockMs: number | undefined;
}

export interface WatchReport {
  readonly status: number;
  /** The server's message if the status is not 201. */
  readonly error: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly answer: string;
  readonly connection: string;
  /** Time from the POST to the first picture that is shown. */
  readonly firstPictureMs: number | undefined;
  readonly pictures: number;
  readonly size: readonly [width: number, height: number];
  /** The longest time between two consecutive shown pictures. */
  readonly longestGapMs: number;
  /** Mean brightness range of the last picture; 0: black. */
  readonly contrast: number;
  readonly clock: readonly Shown[];
  readonly video: Readonly<Record<string, number | string | undefined>>;
  readonly audio: Readonly<Record<string, number | string | undefined>>;
  /** Protocol, address and port of the remote candidate of the pair in use. */
  readonly protocol: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

const LUMA_WIDTH = 320;
const LUMA_HEIGHT = 180;

class Watch {
  status = 0;
  error = '';
  headers: Record<string, string> = {};
  answer = '';
  location = '';
  postedMs = 0;
  postedWallMs = 0;
  firstPictureMs: number | undefined;
  pictures = 0;
  longestGapMs = 0;
  lastShownMs = 0;
  clock: Shown[] = [];
  readonly peer = new RTCPeerConnection();
  readonly video = document.createElement('video');
  readonly options: WatchOptions;
  readonly #clock = new ShownClock();
  readonly #canvas = document.createElement('canvas').getContext('2d', {
    willReadFrequently: true,
  }) as CanvasRenderingContext2D;
  #client: WHEPClient | undefined;
  /** Local candidates that were not sent by PATCH yet. */
  readonly #candidates: RTCIceCandidate[] = [];
  #isRestarting = false;

  constructor(options: WatchOptions) {
    this.options = options;
    this.#canvas.canvas.width = LUMA_WIDTH;
    this.#canvas.canvas.height = LUMA_HEIGHT;
    const stream = new MediaStream();
    this.video.autoplay = true;
    this.video.playsInline = true;
    this.video.width = 160;
    this.video.srcObject = stream;
    document.body.append(this.video);
    this.peer.ontrack = ({ track }) => stream.addTrack(track);
    for (const kind of options.media ?? ['video', 'audio']) {
      this.peer.addTransceiver(kind, { direction: 'recvonly' });
    }
    this.#awaitPicture();
  }

  async start(): Promise<void> {
    this.#post();
    const { url, isWhipWhep, headers } = this.options;
    if (isWhipWhep) {
      this.#client = new WHEPClient();
      await this.#client.view(this.peer, url, headers?.['Authorization']?.replace('Bearer ', ''));
      this.status = 201;
      return;
    }
    this.peer.onicecandidate = ({ candidate }) => {
      if (candidate && this.options.trickles) {
        this.#candidates.push(candidate);
        this.#trickle();
      }
    };
    await this.peer.setLocalDescription(await this.peer.createOffer());
    const { audioPacketMs } = this.options;
    const ptime = audioPacketMs === undefined ? '' : `a=ptime:${audioPacketMs}\r\n`;
    const body = this.peer.localDescription?.sdp.replace(/m=audio .*?a=rtcp-mux\r\n/s, `$&${ptime}`) ?? '';
    this.#post();
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', ...headers },
      body,
    });
    this.status = response.status;
    this.headers = Object.fromEntries(response.headers);
    const text = await response.text();
    const reply = this.options.isZlm ? (JSON.parse(text) as { code: number; sdp?: string; msg?: string }) : undefined;
    if ((reply?.code ?? 0) !== 0 || !response.ok) {
      this.error = reply?.msg ?? text;
      return;
    }
    this.location = response.headers.has('Location') ? new URL(response.headers.get('Location') ?? '', url).href : '';
    this.answer = this.#changed(reply?.sdp ?? text);
    await this.peer.setRemoteDescription({ type: 'answer', sdp: this.answer });
    this.#trickle();
  }

  #post(): void {
    this.postedMs = performance.now();
    this.postedWallMs = Date.now();
  }

  #changed(answer: string): string {
    const { only, relayPort } = this.options;
    const lines = answer
      .split('\r\n')
      .filter((line) => !line.startsWith('a=candidate:') || new RegExp(only ?? '').test(line));
    if (relayPort === undefined) {
      return lines.join('\r\n');
    }
    const relayed = `a=candidate:1 1 udp 2130706431 127.0.0.1 ${relayPort} typ host`;
    let hasOne = false;
    return lines
      .flatMap((line) => {
        if (!line.startsWith('a=candidate:')) {
          hasOne &&= !line.startsWith('m=');
          return [line];
        }
        const isFirst = !hasOne;
        hasOne = true;
        return isFirst ? [relayed] : [];
      })
      .join('\r\n');
  }

  async #trickle(): Promise<void> {
    if (this.location === '' || this.#isRestarting) {
      return;
    }
    const batch = this.#candidates.splice(0);
    if (batch.length === 0) {
      return;
    }
    const own = this.peer.localDescription?.sdp ?? '';
    const head = /a=ice-ufrag:.*\r\na=ice-pwd:.*\r\n/.exec(own)?.[0] ?? '';
    const lines = batch.map(
      ({ candidate, sdpMid }) => `m=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:${sdpMid}\r\na=${candidate}`,
    );
    await this.#patch(`${head}${lines.join('\r\n')}\r\n`);
  }

  async #patch(body: string): Promise<Response> {
    const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' };
    const response = await fetch(this.location, { method: 'PATCH', headers, body });
    this.headers = { ...this.headers, 'patch-status': String(response.status) };
    return response;
  }

  /** RFC 9725 §4.3.2. @returns the status of the PATCH */
  async restartIce(): Promise<number> {
    // Candidates that arrive before their restart would be taken for the old session's.
    this.#isRestarting = true;
    this.peer.restartIce();
    await this.peer.setLocalDescription(await this.peer.createOffer({ iceRestart: true }));
    const own = this.peer.localDescription?.sdp ?? '';
    const response = await this.#patch(/a=ice-ufrag:.*\r\na=ice-pwd:.*\r\n/.exec(own)?.[0] ?? '');
    const fragment = await response.text();
    const [ufrag = '', password = ''] = ['ice-ufrag', 'ice-pwd'].map(
      (name) => new RegExp(`a=${name}:(.*?)\r?\n`).exec(fragment)?.[1],
    );
    const answer = this.answer
      .replace(/a=ice-ufrag:.*/g, `a=ice-ufrag:${ufrag}`)
      .replace(/a=ice-pwd:.*/g, `a=ice-pwd:${password}`);
    await this.peer.setRemoteDescription({ type: 'answer', sdp: answer });
    this.#isRestarting = false;
    this.#trickle();
    return response.status;
  }

  #awaitPicture(): void {
    this.video.requestVideoFrameCallback(() => {
      const nowMs = performance.now();
      this.firstPictureMs ??= nowMs - this.postedMs;
      this.longestGapMs = this.pictures === 0 ? 0 : Math.max(this.longestGapMs, nowMs - this.lastShownMs);
      this.lastShownMs = nowMs;
      this.pictures += 1;
      if (this.options.readsClock) {
        const wallMs = Date.now();
        this.clock.push({ atMs: nowMs - this.postedMs, wallMs, clockMs: this.#clock.read(this.video) });
      }
      this.#awaitPicture();
    });
  }

  #luma(): Uint8Array {
    this.#canvas.drawImage(this.video, 0, 0, LUMA_WIDTH, LUMA_HEIGHT);
    const { data } = this.#canvas.getImageData(0, 0, LUMA_WIDTH, LUMA_HEIGHT);
    const luma = new Uint8Array(LUMA_WIDTH * LUMA_HEIGHT);
    for (let i = 0; i < luma.length; i += 1) {
      // Green is most of the brightness.
      luma[i] = data[4 * i + 1] ?? 0;
    }
    return luma;
  }

  #contrast(): number {
    const luma = this.#luma();
    let [least, most] = [255, 0];
    for (const value of luma) {
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
    return most - least;
  }

  async report(): Promise<WatchReport> {
    const stats = [...(await this.peer.getStats()).values()];
    const byId = new Map(stats.map((item) => [item.id, item]));
    const inbound = (kind: string) => {
      const item = stats.find((one) => one.type === 'inbound-rtp' && one.kind === kind) ?? {};
      return { ...item, mimeType: byId.get(item.codecId)?.mimeType };
    };
    // Firefox does not report `selectedCandidatePairId`: takes the nominated pair.
    const inUse = stats.find((one) => one.type === 'transport')?.selectedCandidatePairId;
    const pair = byId.get(inUse) ?? stats.find((one) => one.type === 'candidate-pair' && one.nominated);
    const remote = byId.get(pair?.remoteCandidateId);
    const { status, error, headers, answer, firstPictureMs, pictures, longestGapMs, clock } = this;
    return {
      ...{ status, error, headers, answer, firstPictureMs, pictures, longestGapMs, clock },
      connection: this.peer.connectionState,
      size: [this.video.videoWidth, this.video.videoHeight],
      contrast: this.video.videoWidth > 0 ? this.#contrast() : 0,
      video: inbound('video'),
      audio: inbound('audio'),
      protocol: remote?.protocol ?? '',
      remoteAddress: remote?.address ?? '',
      remotePort: remote?.port ?? 0,
    };
  }

  /** @returns the status of the DELETE */
  async close(): Promise<number> {
    const { location } = this;
    const ended = location === '' ? undefined : await fetch(location, { method: 'DELETE' });
    await this.#client?.stop();
    this.peer.close();
    this.video.remove();
    return ended?.status ?? 0;
  }
}

const watches: Watch[] = [];

/** The test's interface; numbers identify viewers. */
const perchViewer = {
  watch: async (options: WatchOptions): Promise<number> => {
    const watch = new Watch(options);
    watches.push(watch);
    await watch.start();
    return watches.length - 1;
  },
  report: (watch: number) => (watches[watch] as Watch).report(),
  restartIce: (watch: number) => (watches[watch] as Watch).restartIce(),
  /** Resets the longest gap. */
  settle: (watch: number) => {
    (watches[watch] as Watch).longestGapMs = 0;
  },
  close: (watch: number) => (watches[watch] as Watch).close(),
};
export type PerchViewer = typeof perchViewer;

Object.assign(globalThis, { perchViewer });
