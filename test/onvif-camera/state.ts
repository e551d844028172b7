import type { Clock } from '../../agent/base/clock.ts';
import type { PlayedStreams } from '../../agent/demo-camera/demo-streams.ts';
import type { DeviceIdentity, StreamProfile } from '../../agent/demo-camera/onvif-replies.ts';
import type { HeaderField } from '../../agent/media/rtsp/message.ts';
import type { SdCard } from './card/sd-card.ts';
import type { EventSource } from './event-source.ts';
import { CameraOutputs } from './outputs.ts';
import { PtzHead } from './ptz-head.ts';
import type { Quirks } from './quirks.ts';

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** A profile as the camera lists it; the stream is always the demo camera's H.264 and A-law. */
export interface SimulatedProfile {
  readonly token: string;
  readonly name: string;
  codec: 'H264' | 'H265' | 'JPEG' | undefined;
  width: number;
  height: number;
  fps: number;
  /** Pictures from one key frame to the next. */
  group: number;
  kbitPerSecond: number;
  /** Token of the lens: a recorder has one for each channel; `video` when not given. */
  readonly source?: string;
  /** The demo camera's stream that is played. */
  readonly stream: 'main' | 'sub';
}

/** A text that the camera draws on the picture. */
export interface SimulatedOsd {
  readonly kind: string;
  readonly position: string;
  text: string;
}

/** An area that the camera covers. */
export interface SimulatedMask {
  /** From -1 to 1, to the right and up. */
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly type: string;
  readonly isEnabled: boolean;
}

/** A received request. */
export interface Asked {
  readonly operation: string;
  readonly service: string | undefined;
  /** Path and query. */
  readonly path: string;
  /** Address that the caller had connected to. */
  readonly host: string;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  /** It had a WS-Security header. */
  readonly hasToken: boolean;
  readonly text: string;
}

/** Everything that a simulated camera is and has at the moment: its services read and change it. */
export class CameraState {
  identity: DeviceIdentity;
  readonly quirks: Quirks;
  credentials: Login | undefined;
  /** Logins with a wrong name or password, by what they were for: a real camera locks after 5 to 7 of all. */
  readonly wrongLogins: ('onvif' | 'picture' | 'stream')[] = [];
  readonly profiles: readonly SimulatedProfile[];
  readonly clock: Clock;
  /** Its stream; by default the demo camera's. */
  readonly feed: PlayedStreams | undefined;
  /** A JPEG of what it sees. */
  readonly picture: Uint8Array | undefined;
  readonly requests: Asked[] = [];
  readonly ptz: PtzHead;
  readonly outputs: CameraOutputs;
  readonly events: EventSource;
  readonly imaging = new Map([['IrCutFilter', 'AUTO']]);
  /** Texts on the picture, by their tokens. */
  readonly osds = new Map<string, SimulatedOsd>();
  /** Privacy masks, by their tokens. */
  readonly masks = new Map<string, SimulatedMask>();
  /** Profile tokens of key frame requests. */
  readonly keyFrameRequests: string[] = [];
  ntpServer: string | undefined;
  /** As set by a client. */
  dateTimeType: string | undefined;
  /** Its card; undefined: it has none, nor the services of Profile G. */
  readonly card: SdCard | undefined;
  /** RTSP requests for recordings, in their order. */
  readonly replayRequests: { method: string; fields: readonly HeaderField[]; status: number }[] = [];
  /** Live streams that are played now. */
  livePlayed = 0;
  /** Replays that are sent now. */
  replayed = 0;
  replayPort = 0;
  rtspPort = 0;
  httpPort = 0;
  reboots = 0;
  /** The camera's clock minus that of the machine. */
  clockOffsetMs: number;
  /** Calls that are answered at this moment, and the most there ever were. */
  callsNow = 0;
  callsAtMost = 0;
  readonly requestKeyFrame: (stream: string) => void;
  readonly restart: () => Promise<void>;
  /** Its streams end, and can be opened again. */
  readonly endStreams: () => Promise<void>;

  constructor(options: {
    identity: DeviceIdentity;
    quirks: Quirks;
    credentials: Login | undefined;
    profiles: readonly SimulatedProfile[];
    clock: Clock;
    feed: PlayedStreams | undefined;
    picture: Uint8Array | undefined;
    card: SdCard | undefined;
    events: EventSource;
    requestKeyFrame: (stream: string) => void;
    restart: () => Promise<void>;
    endStreams: () => Promise<void>;
  }) {
    this.identity = options.identity;
    this.quirks = options.quirks;
    this.credentials = options.credentials;
    this.profiles = options.profiles;
    this.clock = options.clock;
    this.feed = options.feed;
    this.picture = options.picture;
    this.card = options.card;
    this.events = options.events;
    this.requestKeyFrame = options.requestKeyFrame;
    this.restart = options.restart;
    this.endStreams = options.endStreams;
    this.ptz = new PtzHead(options.clock, options.quirks);
    const { tellsRelays } = options.quirks;
    const words = tellsRelays === 'active' ? ['inactive', 'active'] : ['false', 'true'];
    this.outputs = new CameraOutputs(options.clock, options.quirks, (token, isActive) => {
      if (tellsRelays) {
        const word = words[Number(isActive)] ?? '';
        this.events.tell('tns1:Device/Trigger/Relay', 'LogicalState', word, { name: 'RelayToken', value: token });
      }
    });
    this.clockOffsetMs = options.quirks.clockOffsetMs ?? 0;
  }

  /** Unix milliseconds by the camera's own clock. */
  nowMs(): number {
    return this.clock.wallMs() + this.clockOffsetMs;
  }

  profile(token: string | undefined): SimulatedProfile | undefined {
    return this.profiles.find((each) => each.token === token);
  }
}

/** As the demo camera's writers take it. */
export const asStreamProfile = (profile: SimulatedProfile, rtspUrl = ''): StreamProfile => ({ ...profile, rtspUrl });
