import type { PlayedStreams } from '../../../agent/demo-camera/demo-streams.ts';
import type { AacTrack, G711Track, NalTrack } from '../../../agent/media/sample/track.ts';
import type { CardQuirks } from '../quirks/card.ts';

/** A picture with its parameter sets, as it is streamed, or a frame of sound. */
export interface CardUnit {
  readonly track: 0 | 1;
  /** Capture time, Unix milliseconds of the machine. */
  readonly unixMs: number;
  /** RTP clock. */
  readonly ticks: number;
  readonly isKey: boolean;
  readonly data: Uint8Array;
}

export interface ListedRecording {
  readonly token: string;
  /** Name of its source. */
  readonly name?: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

type CardTracks = readonly [NalTrack, AacTrack | G711Track];

const SPS = 7;
/** Begin of the tokens of its recordings. */
const SUB = 'SUB_';
/** An hour of pictures and sound. */
const MAX_UNITS = 240_000;

/** The card of a simulated camera. It records what the camera sees, whether anyone can reach the camera or not. */
export class SdCard {
  readonly tracks: CardTracks;
  readonly units: CardUnit[] = [];
  isRecording = false;
  /** What it records of the camera's second stream, of the same time. */
  sub: SdCard | undefined;
  #leave: (() => void) | undefined;

  constructor(tracks: CardTracks) {
    this.tracks = tracks;
  }

  /** A card that records from now on. */
  static of(feed: PlayedStreams, stream = 'main'): SdCard {
    const tracks = feed.tracksOf(stream);
    if (!tracks) {
      throw new Error(`no stream ${stream}`);
    }
    const card = new SdCard(tracks);
    card.record(feed, stream);
    return card;
  }

  /** Records a stream from now on. */
  record(feed: PlayedStreams, stream: string): void {
    this.#leave = feed.listen(stream, {
      onVideo: (data, ticks, unixMs) => this.add({ track: 0, unixMs, ticks, isKey: isKey(data), data }),
      onSound: (data, ticks, unixMs) => this.add({ track: 1, unixMs, ticks, isKey: true, data }),
    });
    this.isRecording = true;
  }

  add(unit: CardUnit): void {
    this.units.push(unit);
    if (this.units.length > MAX_UNITS) {
      this.units.shift();
    }
  }

  stop(): void {
    this.#leave?.();
    this.#leave = undefined;
    this.isRecording = false;
  }

  /** The card's time of a moment: UTC, unless the camera is wrong about that. */
  timeOf(unixMs: number, { cardZoneMs = 0, cardClockChange }: CardQuirks, clockOffsetMs: number): number {
    const changeMs = cardClockChange && unixMs >= cardClockChange.atMs ? cardClockChange.byMs : 0;
    return unixMs + clockOffsetMs + cardZoneMs + changeMs;
  }

  /** What the card lists, in its own time. */
  recordings(quirks: CardQuirks, clockOffsetMs: number): ListedRecording[] {
    const { cardStream = 'main' } = quirks;
    const main = cardStream === 'sub' ? [] : this.#ownRecordings(quirks, clockOffsetMs);
    const ofSub = cardStream === 'main' || !this.sub ? [] : this.sub.#ownRecordings(quirks, clockOffsetMs);
    const sub = ofSub.map((one) => ({ ...one, token: `${SUB}${one.token}` }));
    return (cardStream === 'sub, main' ? [...sub, ...main] : [...main, ...sub]).sort((a, b) => a.fromMs - b.fromMs);
  }

  /** The part of the card that has a recording. */
  partOf(token: string): SdCard {
    return token.startsWith(SUB) ? (this.sub ?? this) : this;
  }

  #ownRecordings(quirks: CardQuirks, clockOffsetMs: number): ListedRecording[] {
    const [first, last] = [this.units[0], this.units.at(-1)];
    if (!first || !last) {
      return [];
    }
    const [fromMs, untilMs] = [first, last].map(({ unixMs }) => this.timeOf(unixMs, quirks, clockOffsetMs)) as [
      number,
      number,
    ];
    const { cardFiles, cardChannels } = quirks;
    if (cardChannels) {
      return cardChannels.map(({ name, ...range }, i) => ({
        ...{ token: `CHANNEL_${i}`, name },
        fromMs: this.timeOf(range.fromMs, quirks, clockOffsetMs),
        untilMs: this.timeOf(range.untilMs, quirks, clockOffsetMs),
      }));
    }
    if (!cardFiles) {
      return [{ token: 'RECORDING_1', fromMs, untilMs }];
    }
    const { everyMs, overlapMs } = cardFiles;
    const round = quirks.cardListsClosedFiles ? Math.floor : Math.ceil;
    return Array.from({ length: round((untilMs - fromMs) / everyMs) }, (_, i) => ({
      token: `FILE_${i}`,
      fromMs: Math.max(fromMs, fromMs + i * everyMs - overlapMs),
      untilMs: Math.min(untilMs, fromMs + (i + 1) * everyMs),
    }));
  }

  /** What a replay sends of a recording: from the last key picture at or before the time on. Times are the card's. */
  replayed(recording: ListedRecording, fromMs: number, untilMs: number, quirks: CardQuirks, offsetMs: number) {
    const timed = this.partOf(recording.token)
      .units.map((unit) => ({ ...unit, cardMs: this.timeOf(unit.unixMs, quirks, offsetMs) }))
      .filter(({ track, cardMs }) => {
        const isOfFile =
          !(quirks.cardFiles || quirks.cardChannels) || (cardMs >= recording.fromMs && cardMs <= recording.untilMs);
        return isOfFile && !(track === 1 && quirks.cardHasNoSound);
      });
    const wantedMs = fromMs + (quirks.replayBeginsLateMs ?? 0);
    // The clock of the card may have been set back: the first pass of the time counts.
    const later = timed.findIndex(({ track, isKey, cardMs }) => track === 0 && isKey && cardMs > wantedMs);
    const before = timed
      .slice(0, later < 0 ? undefined : later)
      .findLastIndex(({ track, isKey }) => track === 0 && isKey);
    const first = before >= 0 ? before : later;
    return first < 0 ? [] : timed.slice(first).filter(({ cardMs }) => cardMs <= untilMs);
  }
}

/** Key pictures have their parameter sets in front. */
const isKey = (unit: Uint8Array): boolean => ((unit[4] ?? 0) & 0x1f) === SPS;
