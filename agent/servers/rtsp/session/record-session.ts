import { PerchError } from '../../../base/errors.ts';
import type { HeaderField } from '../../../media/rtsp/message.ts';
import { writeTransport } from '../../../media/rtsp/transport.ts';
import type { SdpMedia } from '../../../media/sdp/parse.ts';
import type { Intake, Received, Sent, TransportKind } from '../transport/media-plane.ts';
import type { ChosenTransport } from './choose-transport.ts';
import type { Publication, Publisher, RtspPaths } from './contracts.ts';
import type { Answer } from './response.ts';
import type { Role, RtspSession } from './session.ts';
import { NOTHING_RECEIVED, NOTHING_SENT } from './session-item.ts';
import { mediaOf } from './target.ts';

/** Makes what takes a publisher's packets. */
export type MakeIntake = (kind: 'tcp' | 'udp', session: RtspSession, medias: readonly SdpMedia[]) => Intake;

/** A session that publishes: ANNOUNCE is behind it, SETUP, RECORD and PAUSE are its own. */
export class Publishing implements Role, Publisher {
  readonly type: 'rtspSession' | 'rtspsSession';
  readonly id: string;
  readonly query: string;
  readonly #session: RtspSession;
  readonly #medias: readonly SdpMedia[];
  readonly #makeIntake: MakeIntake;
  readonly #isSetUp = new Set<number>();
  #intake: Intake | undefined;
  #publication: Publication | undefined;

  constructor(session: RtspSession, medias: readonly SdpMedia[], makeIntake: MakeIntake) {
    this.type = session.facts.type;
    this.id = session.id;
    this.query = session.facts.target.query;
    this.#session = session;
    this.#medias = medias;
    this.#makeIntake = makeIntake;
  }

  get state(): 'idle' | 'publish' {
    return this.#publication ? 'publish' : 'idle';
  }

  get kind(): TransportKind | undefined {
    return this.#intake?.kind;
  }

  get sent(): Sent {
    return this.#intake?.sent ?? NOTHING_SENT;
  }

  get received(): Received {
    return this.#intake?.received ?? NOTHING_RECEIVED;
  }

  get heardMs(): number {
    return this.#intake?.heardMs ?? 0;
  }

  setUp(uri: string, { kind, wanted }: ChosenTransport): HeaderField {
    if (this.#publication) {
      throw new PerchError('badInput', 'SETUP of a further track while recording');
    }
    const controls = this.#medias.map(({ control }) => control);
    const media = mediaOf(uri, this.#session.facts.target, controls);
    if (media < 0) {
      throw new PerchError('badInput', 'the URL of SETUP names no media of ANNOUNCE');
    }
    if (this.#isSetUp.has(media)) {
      throw new PerchError('badInput', `media ${media} is set up already`);
    }
    if (kind === 'multicast') {
      throw new PerchError('unsupported', 'nobody can publish by multicast');
    }
    this.#intake ??= this.#makeIntake(kind, this.#session, this.#medias);
    const transport = this.#intake.setUp(media, wanted);
    this.#isSetUp.add(media);
    return ['Transport', writeTransport(transport)];
  }

  record(paths: RtspPaths): Answer {
    const intake = this.#intake;
    if (this.#publication || !intake) {
      return { status: 455 };
    }
    if (this.#isSetUp.size < this.#medias.length) {
      throw new PerchError('badInput', `RECORD with ${this.#isSetUp.size} of ${this.#medias.length} medias set up`);
    }
    const publication = paths.publish(this.#session.facts.target.name, this);
    this.#publication = publication;
    intake.start(publication);
    this.#session.began('is publishing to path');
    return { status: 200 };
  }

  /** Stops publishing; RECORD may come again. */
  pause(): Answer {
    this.#intake?.stop();
    this.#endPublication();
    return { status: 200 };
  }

  onReplaced(reason: string): void {
    this.#session.close(reason);
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    if (this.#publication) {
      this.#intake?.onFrame(chunk, channel, start, end);
    }
  }

  close(): void {
    this.#intake?.close();
    this.#endPublication();
  }

  #endPublication(): void {
    const publication = this.#publication;
    this.#publication = undefined;
    publication?.close();
  }
}
