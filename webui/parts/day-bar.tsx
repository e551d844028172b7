import { useRef, useState } from 'preact/hooks';
import type { Row } from '../timeline/days.ts';
import { clock, clockSeconds, nextDay } from '../words/format.ts';
import { recordingsWords } from '../words/recordings.ts';
import { voice } from './voice.ts';

const STEP_MS = 10_000;
const LONG_STEP_MS = 60_000;
const HOURS = [0, 6, 12, 18, 24];
const HEIGHT = 12;

interface DayBarProps {
  /** The day's midnight, Unix milliseconds. */
  readonly dayMs: number;
  readonly rows: readonly Row[];
  /** Where the picture is. */
  readonly atMs: number;
  readonly onJump: (ms: number) => void;
}

/** A day from midnight to midnight: what was recorded, and where the picture is. Tap or drag to go there. */
export function DayBar({ dayMs, rows, atMs, onJump }: DayBarProps) {
  const { language } = voice();
  const [draggedMs, setDragged] = useState<number>();
  const bar = useRef<HTMLDivElement>(null);
  const lengthMs = nextDay(dayMs) - dayMs;
  const momentOf = (event: PointerEvent) => {
    const box = bar.current?.getBoundingClientRect();
    const share = box ? (event.clientX - box.left) / box.width : 0;
    return dayMs + Math.min(1, Math.max(0, share)) * (lengthMs - 1000);
  };
  const shownMs = draggedMs ?? Math.min(Math.max(atMs, dayMs), dayMs + lengthMs);
  const percentOf = (ms: number) => ((ms - dayMs) / lengthMs) * 100;
  const onKeyDown = (event: KeyboardEvent) => {
    const byMs = stepOf(event);
    if (byMs !== 0) {
      event.preventDefault();
      onJump(shownMs + byMs);
    }
  };
  return (
    <div class="day">
      <div
        class="bar"
        ref={bar}
        role="slider"
        tabIndex={0}
        aria-label={recordingsWords.value.dayBar}
        aria-valuemin={0}
        aria-valuemax={Math.round(lengthMs / 1000)}
        aria-valuenow={Math.round((shownMs - dayMs) / 1000)}
        aria-valuetext={clockSeconds(shownMs, language)}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDragged(momentOf(event));
        }}
        onPointerMove={(event) => draggedMs !== undefined && setDragged(momentOf(event))}
        onPointerCancel={() => setDragged(undefined)}
        onPointerUp={(event) => {
          setDragged(undefined);
          onJump(momentOf(event));
        }}
      >
        <svg viewBox={`0 0 100 ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          <rect class="empty-track" width="100" height={HEIGHT} />
          <path
            class="recorded"
            d={rows.map((row) => barPath(percentOf(row.startMs), percentOf(row.endMs))).join('')}
          />
        </svg>
        <span class="playhead" style={{ left: `${percentOf(shownMs)}%` }}>
          {draggedMs !== undefined && <b class="digits">{clock(draggedMs, language)}</b>}
        </span>
      </div>
      <div class="hours digits" aria-hidden="true">
        {HOURS.map((hour) => (
          <span key={hour}>{String(hour).padStart(2, '0')}</span>
        ))}
      </div>
    </div>
  );
}

const barPath = (from: number, to: number): string =>
  `M${from.toFixed(3)} 0H${Math.max(to, from + 0.15).toFixed(3)}V${HEIGHT}H${from.toFixed(3)}Z`;

function stepOf({ key, shiftKey }: KeyboardEvent): number {
  const stepMs = shiftKey ? LONG_STEP_MS : STEP_MS;
  switch (key) {
    case 'ArrowRight':
    case 'ArrowUp':
      return stepMs;
    case 'ArrowLeft':
    case 'ArrowDown':
      return -stepMs;
    case 'PageUp':
      return 10 * LONG_STEP_MS;
    case 'PageDown':
      return -10 * LONG_STEP_MS;
    default:
      return 0;
  }
}
