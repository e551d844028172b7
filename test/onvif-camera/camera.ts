import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../../agent/base/clock.ts';
import type { RtspServer } from '../../agent/demo-camera/demo-camera.ts';
import type { PlayedStreams } from '../../agent/demo-camera/demo-streams.ts';
import type { DeviceIdentity } from '../../agent/demo-camera/onvif-replies.ts';
import { type ReplayServer, startReplayServer } from './card/replay-server.ts';
import type { SdCard } from './card/sd-card.ts';
import { DiscoverySide } from './discovery.ts';
import type { Happening } from './event-dialects.ts';
import { EventSource } from './event-source.ts';
import { type HttpSide, OnvifServices } from './http-side.ts';
import type { PtzHead } from './ptz-head.ts';
import type { Quirks } from './quirks.ts';
import { devicePathOf } from './services/device-service.ts';
import { type Asked, CameraState, type Login, type SimulatedProfile } from './state.ts';
import { sharedFeed, startStreamSide, streamPathOf } from './stream-side.ts';

export interface OnvifCameraOptions {
  readonly quirks?: Quirks;
  readonly profiles?: readonly SimulatedProfile[];
  /** Undefined: no login is needed. */
  readonly credentials?: Login;
  /** Loopback when not given; `0.0.0.0` for all that the machine has. */
  readonly address?: string;
  /** Any free one when not given. */
  readonly port?: number;
  readonly rtspPort?: number;
  /** It is not discovered when not given. */
  readonly discoveryPort?: number;
  readonly endpoint?: string;
  /** Texts as they appear in XML: escaped. */
  readonly identity?: Partial<DeviceIdentity>;
  readonly clock?: Clock;
  /** Its stream; by default the demo camera's. */
  readonly feed?: PlayedStreams;
  /** The card that it records to; default: none. The camera does not stop it. */
  readonly card?: SdCard;
  /** The snapshot served over HTTP; default: bytes that are no JPEG. */
  readonly picture?: Uint8Array;
  /** Makes a key frame of a stream; the demo camera's when not given. */
  readonly requestKeyFrame?: (stream: string) => void;
}

export const MAIN_PROFILE: SimulatedProfile = {
  token: 'main',
  name: 'main',
  codec: 'H264',
  width: 640,
  height: 360,
  fps: 15,
  group: 60,
  kbitPerSecond: 1000,
  stream: 'main',
};
export const SUB_PROFILE: SimulatedProfile = {
  ...MAIN_PROFILE,
  token: 'sub',
  name: 'sub',
  width: 320,
  height: 180,
  kbitPerSecond: 600,
  stream: 'sub',
};

/** A simulated camera: ONVIF over HTTP, RTSP and WS-Discovery at a separate address. */
export interface OnvifCamera extends AsyncDisposable {
  /** URL of the device service. */
  readonly url: string;
  readonly address: string;
  readonly port: number;
  readonly rtspPort: number;
  readonly endpoint: string;
  /** All SOAP requests, in their order. */
  readonly requests: readonly Asked[];
  /** The operations of `requests`. */
  readonly operations: readonly string[];
  readonly ptz: PtzHead;
  /** The camera's state. */
  readonly state: CameraState;
  /** Its stream's address, without credentials. */
  rtspUrl(profile?: string): string;
  /** Motion before it begins or ends. */
  motion(isOn: boolean): void;
  happens(happening: Happening, isOn: boolean): void;
  /** The camera has another address from now on, and the same ports. It says Hello there. */
  moveTo(address: string): Promise<void>;
  hello(): Promise<void>;
  /** Sends Bye and is off until `start`. */
  stop(options?: { isSilent?: boolean }): Promise<void>;
  /** Does nothing if it runs. */
  start(): Promise<void>;
  /** Restarts: pull points are lost, and what the quirks say. */
  reboot(): Promise<void>;
}

export async function startOnvifCamera(options: OnvifCameraOptions = {}): Promise<OnvifCamera> {
  const camera = new SimulatedCamera(options);
  await camera.start();
  return camera;
}

const SCOPES = [
  'type/video_encoder',
  'Profile/Streaming',
  'Profile/T',
  'name/Front%20door',
  'hardware/Sim%201',
  'location/test',
];

class SimulatedCamera implements OnvifCamera {
  readonly state: CameraState;
  readonly #services: OnvifServices;
  readonly #discoveryPort: number | undefined;
  #address: string;
  #http: HttpSide | undefined;
  #rtsp: RtspServer | undefined;
  #replay: ReplayServer | undefined;
  #discovery: DiscoverySide | undefined;

  constructor(options: OnvifCameraOptions) {
    const { quirks = {}, clock = systemClock, credentials } = options;
    this.#address = options.address ?? '127.0.0.1';
    this.#discoveryPort = options.discoveryPort;
    this.state = new CameraState({
      quirks,
      clock,
      feed: options.feed,
      picture: options.picture,
      credentials,
      card: options.card,
      identity: {
        endpoint: options.endpoint ?? `urn:uuid:${randomUUID()}`,
        scopes: SCOPES.map((scope) => `onvif://www.onvif.org/${scope}`),
        manufacturer: 'Simulated',
        model: 'Sim 1',
        firmware: '1.2.3',
        serial: `SIM-${randomUUID().slice(0, 8)}`,
        ...options.identity,
      },
      profiles: (options.profiles ?? [MAIN_PROFILE, SUB_PROFILE]).map((profile) => ({ ...profile })),
      events: new EventSource(clock, quirks),
      requestKeyFrame: options.requestKeyFrame ?? ((stream) => sharedFeed().requestKeyFrame(stream)),
      restart: () => this.reboot(),
      endStreams: () => this.#endStreams(),
    });
    this.state.httpPort = options.port ?? 0;
    this.state.rtspPort = options.rtspPort ?? 0;
    this.#services = new OnvifServices(this.state);
  }

  get url(): string {
    const host = this.#address.includes(':') ? `[${this.#address.replace('%', '%25')}]` : this.#address;
    return `http://${host}:${this.port}${devicePathOf(this.state)}`;
  }

  get address(): string {
    return this.#address;
  }

  get port(): number {
    return this.state.httpPort;
  }

  get rtspPort(): number {
    return this.state.rtspPort;
  }

  get endpoint(): string {
    return this.state.identity.endpoint;
  }

  get requests(): readonly Asked[] {
    return this.state.requests;
  }

  get operations(): readonly string[] {
    return this.state.requests.map(({ operation }) => operation);
  }

  get ptz(): PtzHead {
    return this.state.ptz;
  }

  rtspUrl(token = 'main'): string {
    const profile = this.state.profile(token);
    return `rtsp://${this.#address}:${this.rtspPort}${profile ? streamPathOf(this.state, profile) : `/${token}`}`;
  }

  motion(isOn: boolean): void {
    this.happens('motion', isOn);
  }

  happens(happening: Happening, isOn: boolean): void {
    this.state.events.happens(happening, isOn);
  }

  async moveTo(address: string): Promise<void> {
    await this.stop({ isSilent: true });
    this.#address = address;
    await this.start();
  }

  async hello(): Promise<void> {
    await this.#discovery?.say('Hello');
  }

  async start(): Promise<void> {
    if (this.#http) {
      return;
    }
    this.#http = await this.#services.listen(this.#address, this.state.httpPort);
    this.state.httpPort = this.#http.port;
    this.#rtsp = await startStreamSide(this.state, this.#address, this.state.rtspPort);
    this.state.rtspPort = this.#rtsp.port;
    const { card, replayPort } = this.state;
    this.#replay = card && (await startReplayServer(this.state, card, this.#address, replayPort));
    this.state.replayPort = this.#replay?.port ?? 0;
    if (this.#discoveryPort !== undefined) {
      this.#discovery = new DiscoverySide(this.state, this.#address, this.#discoveryPort);
      await this.#discovery.open();
      await this.hello();
    }
  }

  async stop({ isSilent = false }: { isSilent?: boolean } = {}): Promise<void> {
    if (!isSilent) {
      await this.#discovery?.say('Bye');
    }
    this.#discovery?.close();
    this.#discovery = undefined;
    await Promise.all([this.#http?.close(), this.#rtsp?.close(), this.#replay?.close()]);
    this.#http = undefined;
    this.#rtsp = undefined;
    this.#replay = undefined;
  }

  async #endStreams(): Promise<void> {
    await this.#rtsp?.close();
    this.#rtsp = await startStreamSide(this.state, this.#address, this.state.rtspPort);
  }

  async reboot(): Promise<void> {
    const { state } = this;
    const { rebootMs = 0, losesClockAtReboot, changesEndpointAtReboot } = state.quirks;
    await this.stop();
    state.reboots += 1;
    state.events.endAll();
    state.ptz.reset();
    if (losesClockAtReboot) {
      state.clockOffsetMs = Date.UTC(2000, 0, 1) - state.clock.wallMs();
    }
    if (changesEndpointAtReboot) {
      state.identity = { ...state.identity, endpoint: `urn:uuid:${randomUUID()}` };
    }
    await state.clock.sleep(rebootMs, new AbortController().signal);
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.state.events.endAll();
    await this.stop();
  }
}
