import { Icon } from '../parts/icon.tsx';
import { recordingsWords } from '../words/recordings.ts';
import { type LaneCamera, TOP } from './scene.ts';
import { followers, toggleFollower } from './view.ts';

interface LaneNamesProps {
  /** The chosen one first. */
  readonly cameras: readonly LaneCamera[];
  readonly laneHeight: number;
  readonly onLane: (name: string, isInStep: boolean) => void;
}

/** Beside each lane whose it is; a tap changes to it, with Shift it plays in step. */
export function LaneNames({ cameras, laneHeight, onLane }: LaneNamesProps) {
  const words = recordingsWords.value;
  const [chosen, ...others] = cameras;
  return (
    <ul class="lane-names">
      <li style={{ height: `${TOP.chosen}px` }} aria-current="true">
        <bdi>{chosen?.title}</bdi>
      </li>
      {others.map(({ name, title }) => {
        const isInStep = followers.value.includes(name);
        return (
          <li key={name} style={{ height: `${laneHeight}px` }}>
            <button
              type="button"
              aria-label={words.shownCamera(title)}
              onClick={({ shiftKey }) => onLane(name, shiftKey)}
            >
              <bdi>{title}</bdi>
            </button>
            <button
              class="in-step"
              type="button"
              aria-pressed={isInStep}
              aria-label={words.inStep(title)}
              onClick={() => toggleFollower(name)}
            >
              <Icon name="arrange" small />
            </button>
          </li>
        );
      })}
    </ul>
  );
}
