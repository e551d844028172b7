import { useRef } from 'preact/hooks';
import { clip, fromMs, toMs } from '../timeline/view.ts';
import { stepOf } from '../ui/browser/keys.ts';
import { clipWords } from '../words/clips.ts';
import { clockSeconds } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { commitEnd, type End, momentOf, moveEnd, previewEnd } from './clip-selection.ts';
import { Thumbnail } from './thumbnail.tsx';

const STEP_MS = 1_000;
const LONG_STEP_MS = 10_000;

interface ClipHandlesProps {
  readonly axis: 'x' | 'y';
  readonly name: string;
}

/** The selection over the timeline, with handles at both ends. */
export function ClipHandles({ axis, name }: ClipHandlesProps) {
  const marked = clip.value;
  if (!marked) {
    return null;
  }
  const length = toMs.value - fromMs.value;
  const from = (100 * (marked.startMs - fromMs.value)) / length;
  const size = (100 * (marked.endMs - marked.startMs)) / length;
  const style = axis === 'x' ? { left: `${from}%`, width: `${size}%` } : { bottom: `${from}%`, height: `${size}%` };
  return (
    <div class="clip-range" style={style}>
      <Edge end="start" axis={axis} name={name} />
      <Edge end="end" axis={axis} name={name} />
    </div>
  );
}

function Edge({ end, axis, name }: ClipHandlesProps & { readonly end: End }) {
  const { language } = i18n();
  const t = clipWords.value;
  /** Where the drag started, and the moment of the end at that time. */
  const held = useRef<{ readonly px: number; readonly ms: number; readonly msPerPx: number } | undefined>(undefined);
  const marked = clip.value;
  if (!marked) {
    return null;
  }
  const ms = momentOf(marked, end);
  const along = ({ clientX, clientY }: PointerEvent) => (axis === 'x' ? clientX : -clientY);
  const rest = () => {
    if (held.current) {
      held.current = undefined;
      commitEnd(end);
    }
  };
  return (
    <div
      class="clip-handle"
      data-end={end}
      data-own-gestures
      role="slider"
      tabIndex={0}
      aria-label={end === 'start' ? t.clipStart : t.clipEnd}
      aria-orientation={axis === 'x' ? 'horizontal' : 'vertical'}
      aria-valuemin={Math.floor(fromMs.value / 1000)}
      aria-valuemax={Math.ceil(toMs.value / 1000)}
      aria-valuenow={Math.round(ms / 1000)}
      aria-valuetext={clockSeconds(ms, language)}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        const box = event.currentTarget.closest('.time')?.getBoundingClientRect();
        const lengthPx = Math.max(1, (axis === 'x' ? box?.width : box?.height) ?? 1);
        held.current = { px: along(event), ms, msPerPx: (toMs.peek() - fromMs.peek()) / lengthPx };
      }}
      onPointerMove={(event) => {
        const hold = held.current;
        if (hold) {
          moveEnd(end, hold.ms + (along(event) - hold.px) * hold.msPerPx);
          previewEnd(end);
        }
      }}
      onPointerUp={rest}
      onPointerCancel={rest}
      onKeyDown={(event) => {
        const by = byOf(event);
        if (by !== 0) {
          event.preventDefault();
          event.stopPropagation();
          moveEnd(end, ms + by);
          commitEnd(end);
        }
      }}
    >
      {axis === 'y' && (
        <span class="clip-beside">
          <Thumbnail name={name} ms={ms} />
          <span>
            <b>{end === 'start' ? t.clipStart : t.clipEnd}</b>
            <span class="dim digits">{clockSeconds(ms, language)}</span>
          </span>
        </span>
      )}
    </div>
  );
}

const DIRECTIONS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };

const byOf = (event: KeyboardEvent): number =>
  (stepOf(event, DIRECTIONS) ?? 0) * (event.shiftKey ? LONG_STEP_MS : STEP_MS);
