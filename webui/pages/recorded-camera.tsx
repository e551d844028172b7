import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Span } from '../box/recordings.ts';
import { nowMs } from '../box/wake.ts';
import { type Camera, videoCodec } from '../cameras/pair.ts';
import { replaceAddress } from '../navigation.ts';
import { Choice } from '../parts/choice.tsx';
import { DayBar } from '../parts/day-bar.tsx';
import { Icon } from '../parts/icon.tsx';
import { RecordingPlayer } from '../parts/recording-player.tsx';
import { Transport } from '../parts/transport.tsx';
import { voice } from '../parts/voice.ts';
import { place, recordingsLink } from '../route.ts';
import { hourRows, type Row, recordedDays, withinDay } from '../timeline/days.ts';
import { momentAgo, type Piece, pieceAfter, pieceAt } from '../timeline/pieces.ts';
import { clock, dayName, dayStart, duration } from '../words/format.ts';
import { recordingsWords } from '../words/recordings.ts';
import { liveWords } from '../words/words.ts';

interface RecordedCameraProps {
  readonly name: string;
  /** Undefined: it is no camera any more. */
  readonly camera: Camera | undefined;
  /** At least one, oldest first. */
  readonly spans: readonly Span[];
  /** Told whether what plays has nearly reached the newest. */
  readonly onNearEnd: (isNear: boolean) => void;
  readonly chooser: ComponentChildren;
}

/** What plays, and where in it the picture is. */
interface Playing {
  readonly piece: Piece;
  readonly jump: { readonly toMs: number } | undefined;
  /** The moment that was asked for is not recorded; this is the nearest. */
  readonly isNearest: boolean;
}

const MINUTE_MS = 60_000;
/** A moment that is off by less was meant. */
const NEAR_MS = 2_000;
const NEAR_END_MS = 20_000;

export function RecordedCamera({ name, camera, spans, onNearEnd, chooser }: RecordedCameraProps) {
  const { words, language } = voice();
  const [chosenDay, setChosenDay] = useState<number>();
  const { playing, atMs, hasFailed, jumpTo, onTime, onEnd, onFailure } = usePlayback(name, spans, () =>
    setChosenDay(undefined),
  );
  const video = useRef<HTMLVideoElement>(null);
  const newestMs = spans.at(-1)?.endMs ?? 0;
  const isNearEnd = atMs !== undefined && newestMs - atMs < NEAR_END_MS;
  useEffect(() => onNearEnd(isNearEnd), [isNearEnd]);
  const days = recordedDays(spans);
  const day = chosenDay ?? (atMs === undefined ? days[0] : dayStart(atMs)) ?? 0;
  const codec = (camera && videoCodec(camera.main)) ?? '?';
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
            video={video}
            jump={playing.jump}
            onTime={onTime}
            onEnd={onEnd}
            onFailure={onFailure}
            onBlind={() => !canDecode(codec) && onFailure()}
          />
        ) : (
          <button class="recording begin" type="button" onClick={() => jumpTo(newestMs - MINUTE_MS, false)}>
            <Icon name="play" />
            <span>{liveWords.value.minuteAgo}</span>
          </button>
        )}
      </div>
      <div class="transport">
        {hasFailed && (
          <p class="hint bad" role="alert">
            <Icon name="alert" small />
            <span>
              {canDecode(codec)
                ? recordingsWords.value.recordingGone
                : recordingsWords.value.cannotPlayRecording(codec)}
            </span>
          </p>
        )}
        {playing?.isNearest && <p class="hint">{recordingsWords.value.gap}</p>}
        <Transport
          name={name}
          piece={playing?.piece}
          video={video}
          atMs={atMs}
          newestMs={newestMs}
          onStep={(byMs) => atMs !== undefined && jumpTo(atMs + byMs)}
        />
        <DayBar dayMs={day} rows={withinDay(spans, day)} atMs={atMs ?? newestMs} onJump={jumpTo} />
      </div>
      <Rows
        rows={hourRows(spans, day)}
        atMs={atMs}
        isGoingOn={camera?.main.recording?.active === true}
        newestMs={newestMs}
        onPlay={(ms, isExact) => {
          jumpTo(ms, isExact);
          video.current?.play().catch(() => {});
        }}
      />
    </div>
  );
}

/** What plays, from a first jump on; pieces follow each other. `onJump` is told of each jump. */
function usePlayback(name: string, spans: readonly Span[], onJump: () => void) {
  const [playing, setPlaying] = useState<Playing>();
  const [atMs, setAtMs] = useState<number>();
  const [hasFailed, setFailed] = useState(false);
  const [hasEnded, setEnded] = useState(false);
  const jumpTo = (ms: number, isExact = true) => {
    const next = playFrom(spans, ms, playing?.piece);
    if (next) {
      const shownMs = next.jump?.toMs ?? next.piece.startMs;
      setEnded(false);
      setFailed(false);
      setPlaying({ ...next, isNearest: isExact && next.isNearest });
      setAtMs(shownMs);
      replaceAddress(recordingsLink(name, { atMs: shownMs }));
      onJump();
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
  return {
    playing,
    atMs,
    hasFailed,
    jumpTo,
    onTime: setAtMs,
    onEnd: () => setEnded(true),
    onFailure: () => setFailed(true),
  };
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

/** In MP4: what says yes or no for any profile. */
const CODEC_STRINGS = new Map([
  ['H.265', 'hvc1.1.6.L120.B0'],
  ['AV1', 'av01.0.04M.08'],
  ['VP8', 'vp08.00.10.08'],
  ['VP9', 'vp09.00.10.08'],
  ['M-JPEG', 'mp4v.6C'],
  ['MPEG-4', 'mp4v.20.9'],
]);

/** Whether the browser would play it if it were there. */
function canDecode(codec: string): boolean {
  const codecs = CODEC_STRINGS.get(codec);
  return codecs === undefined || document.createElement('video').canPlayType(`video/mp4; codecs="${codecs}"`) !== '';
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
          <b>{liveWords.value.minuteAgo}</b>
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
                {clock(startMs, language)} – {isOpen ? recordingsWords.value.now : clock(endMs, language)}
              </b>
              <span class="dim digits">{duration(endMs - startMs, { language, words })}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}
