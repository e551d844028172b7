import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { clipAddress } from '../box/addresses.ts';
import type { Piece } from '../timeline/pieces.ts';
import { clockSeconds } from '../words/format.ts';
import { recordingsWords } from '../words/recordings.ts';
import { Icon } from './icon.tsx';
import { togglePlay } from './recording-player.tsx';
import { voice } from './voice.ts';

const STEP_MS = 10_000;

interface TransportProps {
  readonly name: string;
  /** Undefined: nothing was chosen yet. */
  readonly piece: Piece | undefined;
  readonly video: RefObject<HTMLVideoElement | null>;
  /** Where the picture is, Unix milliseconds. */
  readonly atMs: number | undefined;
  readonly newestMs: number;
  readonly onStep: (byMs: number) => void;
}

/** Play, steps, the time of the picture, and the piece as a file. */
export function Transport({ name, piece, video, atMs, newestMs, onStep }: TransportProps) {
  const words = recordingsWords.value;
  const { language } = voice();
  const isPlaying = usePlaying(video, piece);
  const hasLater = atMs !== undefined && atMs + STEP_MS < newestMs;
  return (
    <div class="controls">
      <button
        class="round"
        type="button"
        aria-label={isPlaying ? words.halt : words.play}
        disabled={!piece}
        onClick={() => togglePlay(video.current)}
      >
        <Icon name={isPlaying ? 'halt' : 'play'} />
      </button>
      <button class="round" type="button" aria-label={words.earlier} disabled={!piece} onClick={() => onStep(-STEP_MS)}>
        <Icon name="earlier" />
      </button>
      <output class="digits now">{atMs === undefined ? '–' : clockSeconds(atMs, language)}</output>
      <button class="round" type="button" aria-label={words.later} disabled={!hasLater} onClick={() => onStep(STEP_MS)}>
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

/** Follows the video itself: it is also halted by the phone, and begins by itself. */
function usePlaying(video: RefObject<HTMLVideoElement | null>, piece: Piece | undefined): boolean {
  const [isPlaying, setPlaying] = useState(false);
  useEffect(() => {
    const element = video.current;
    const look = () => setPlaying(element?.paused === false);
    const signs = ['play', 'pause', 'emptied'] as const;
    for (const sign of signs) {
      element?.addEventListener(sign, look);
    }
    look();
    return () => {
      for (const sign of signs) {
        element?.removeEventListener(sign, look);
      }
    };
  }, [video, piece]);
  return isPlaying;
}

/** `garden 2026-11-20 14.02.08.mp4`: no colons, Windows takes none. */
function fileName(name: string, ms: number): string {
  const at = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString();
  return `${name.replaceAll('/', ' ')} ${at.slice(0, 10)} ${at.slice(11, 19).replaceAll(':', '.')}.mp4`;
}
