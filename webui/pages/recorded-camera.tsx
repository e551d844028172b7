import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { clipAddress } from '../box/addresses.ts';
import type { Span } from '../box/recordings.ts';
import { nowMs } from '../box/wake.ts';
import { type Camera, videoCodec } from '../cameras/pair.ts';
import { Choice } from '../parts/choice.tsx';
import { DayBar } from '../parts/day-bar.tsx';
import { Icon } from '../parts/icon.tsx';
import { RecordingPlayer } from '../parts/recording-player.tsx';
import { voice } from '../parts/voice.ts';
import { place, recordingsLink } from '../route.ts';
import { hourRows, type Row, recordedDays, withinDay } from '../timeline/days.ts';
import { momentAgo, type Piece, pieceAfter, pieceAt } from '../timeline/pieces.ts';
import { clock, clockSeconds, dayName, dayStart, duration } from '../words/format.ts';

interface RecordedCameraProps {
  readonly name: string;
  /** Undefined: it is no camera any more. */
  readonly camera: Camera | undefined;
  /** At least one, oldest first. */
  readonly spans: readonly Span[];
  readonly chooser: ComponentChildren;
}

/** What plays, and where in it the picture is. */
interface Playing {
  readonly piece: Piece;
  readonly jump: { readonly toMs: number } | undefined;
  /** The moment that was asked for is not recorded; this is the nearest. */
  readonly isNearest: boolean;
}

const STEP_MS = 10_000;
const MINUTE_MS = 60_000;
/** A moment that is off by less was meant. */
const NEAR_MS = 2_000;

export function RecordedCamera({ name, camera, spans, chooser }: RecordedCameraProps) {
  const { words, language } = voice();
  const [playing, setPlaying] = useState<Playing>();
  const [atMs, setAtMs] = useState<number>();
  const [hasFailed, setFailed] = useState(false);
  const [hasEnded, setEnded] = useState(false);
  const days = recordedDays(spans);
  const [chosenDay, setChosenDay] = useState<number>();
  const day = chosenDay ?? (atMs === undefined ? days[0] : dayStart(atMs)) ?? 0;
  const jumpTo = (ms: number, isExact = true) => {
    const next = playFrom(spans, ms, playing?.piece);
    if (next) {
      setEnded(false);
      const shownMs = next.jump?.toMs ?? next.piece.startMs;
      setFailed(false);
      setPlaying({ ...next, isNearest: isExact && next.isNearest });
      setAtMs(shownMs);
      setChosenDay(undefined);
      history.replaceState(null, '', recordingsLink(name, { atMs: shownMs }));
    }
  };
  useWantedMoment(spans, jumpTo);
  useEffect(() => {
    // At the newest end this happens as soon as more has been recorded.
    const next = hasEnded && playing && pieceAfter(spans, playing.piece);
    if (next) {
      setEnded(false);
      setPlaying({ piece: next, jump: undefined, isNearest: false });
    }
  }, [hasEnded, playing, spans]);
  const codec = (camera && videoCodec(camera.main)) ?? '?';
  const newestMs = spans.at(-1)?.endMs ?? 0;
  return (
    <div class="recorded">
      <header class="top">
        {chooser}
        <Choice
          class="chip"
          label={words.recordings}
          value={String(day)}
          options={days.map((ms) => ({ value: String(ms), text: dayName(ms, nowMs.value, { language, words }) }))}
          onChange={(value) => setChosenDay(Number(value))}
        />
      </header>
      <div class="viewer">
        {playing ? (
          <RecordingPlayer
            name={name}
            piece={playing.piece}
            jump={playing.jump}
            onTime={setAtMs}
            onEnd={() => setEnded(true)}
            onFailure={() => setFailed(true)}
          />
        ) : (
          <button class="recording begin" type="button" onClick={() => jumpTo(newestMs - MINUTE_MS, false)}>
            <Icon name="play" />
            <span>{words.minuteAgo}</span>
          </button>
        )}
      </div>
      <div class="transport">
        {hasFailed && (
          <p class="hint bad" role="alert">
            <Icon name="alert" small />
            <span>{canDecode(codec) ? words.recordingGone : words.cannotPlayRecording(codec)}</span>
          </p>
        )}
        {playing?.isNearest && <p class="hint">{words.gap}</p>}
        <Transport
          name={name}
          playing={playing}
          atMs={atMs}
          onStep={(byMs) => atMs !== undefined && jumpTo(atMs + byMs)}
        />
        <DayBar dayMs={day} rows={withinDay(spans, day)} atMs={atMs ?? newestMs} onJump={jumpTo} />
      </div>
      <Rows
        rows={hourRows(spans, day)}
        atMs={atMs}
        isGoingOn={camera?.main.recording?.active === true}
        newestMs={newestMs}
        onPlay={jumpTo}
      />
    </div>
  );
}

/** Stays within the piece where that will do: a seek costs less than a new file. */
function playFrom(spans: readonly Span[], ms: number, current: Piece | undefined): Playing | undefined {
  if (current && ms >= current.startMs && ms < current.endMs - 1000) {
    return { piece: current, jump: { toMs: ms }, isNearest: false };
  }
  const piece = pieceAt(spans, ms);
  return (
    piece && { piece, jump: undefined, isNearest: Math.abs(piece.startMs - ms) > NEAR_MS && !isAfterAll(spans, ms) }
  );
}

const isAfterAll = (spans: readonly Span[], ms: number): boolean => ms >= (spans.at(-1)?.endMs ?? 0) - NEAR_MS;

/** The link's own moment: played when the page is opened with it, and when the link changes. */
function useWantedMoment(spans: readonly Span[], jumpTo: (ms: number, isExact: boolean) => void): void {
  const here = place.value;
  useEffect(() => {
    if (here.page === 'recordings') {
      const ms = here.atMs ?? (here.agoS === undefined ? undefined : momentAgo(spans, here.agoS));
      if (ms !== undefined) {
        jumpTo(ms, here.atMs !== undefined);
      }
    }
  }, [here]);
}

interface TransportProps {
  readonly name: string;
  readonly playing: Playing | undefined;
  readonly atMs: number | undefined;
  readonly onStep: (byMs: number) => void;
}

function Transport({ name, playing, atMs, onStep }: TransportProps) {
  const { words, language } = voice();
  const piece = playing?.piece;
  return (
    <div class="controls">
      <span class="round" />
      <button class="round" type="button" aria-label={words.earlier} disabled={!piece} onClick={() => onStep(-STEP_MS)}>
        <Icon name="earlier" />
      </button>
      <output class="digits now">{atMs === undefined ? '–' : clockSeconds(atMs, language)}</output>
      <button class="round" type="button" aria-label={words.later} disabled={!piece} onClick={() => onStep(STEP_MS)}>
        <Icon name="later" />
      </button>
      {piece ? (
        <a
          class="round"
          href={clipAddress(name, piece.start, (piece.endMs - piece.startMs) / 1000)}
          download={fileName(name, piece.startMs)}
          aria-label={words.download}
        >
          <Icon name="download" />
        </a>
      ) : (
        <span class="round" />
      )}
    </div>
  );
}

/** `garden 2026-11-20 14.02.08.mp4`: no colons, Windows takes none. */
function fileName(name: string, ms: number): string {
  const at = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString();
  return `${name.replaceAll('/', ' ')} ${at.slice(0, 10)} ${at.slice(11, 19).replaceAll(':', '.')}.mp4`;
}

/** Whether the browser would play it if it were there; MIME strings that say so for any profile. */
function canDecode(codec: string): boolean {
  return (
    codec !== 'H.265' || document.createElement('video').canPlayType('video/mp4; codecs="hvc1.1.6.L120.B0"') !== ''
  );
}

interface RowsProps {
  readonly rows: readonly Row[];
  readonly atMs: number | undefined;
  readonly isGoingOn: boolean;
  readonly newestMs: number;
  readonly onPlay: (ms: number, isExact: boolean) => void;
}

/** The day's hours, newest first. */
function Rows({ rows, atMs, isGoingOn, newestMs, onPlay }: RowsProps) {
  const { words, language } = voice();
  return (
    <ul class="rows">
      <li>
        <button class="accent" type="button" onClick={() => onPlay(newestMs - MINUTE_MS, false)}>
          <Icon name="earlier" />
          <b>{words.minuteAgo}</b>
        </button>
      </li>
      {rows.map(({ startMs, endMs }) => {
        const isHere = atMs !== undefined && atMs >= startMs && atMs < endMs;
        const isOpen = isGoingOn && endMs === newestMs;
        return (
          <li key={startMs}>
            <button type="button" aria-current={isHere ? 'true' : undefined} onClick={() => onPlay(startMs, true)}>
              <Icon name="play" small />
              <b class="digits">
                {clock(startMs, language)} – {isOpen ? words.now : clock(endMs, language)}
              </b>
              <span class="dim digits">{duration(endMs - startMs, { language, words })}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}
