import type { ComponentChildren } from 'preact';
import { SPEEDS } from '../timeline/shortcuts.ts';
import { isPlaying, pause, play, speed, step } from '../timeline/view.ts';
import { useMedia } from '../ui/browser/use-media.ts';
import { Select } from '../ui/controls/choice.tsx';
import { Icon, type IconName } from '../ui/icons/icon.tsx';
import { number } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { recordingsWords } from '../words/recordings.ts';

interface PlaybackControlsProps {
  /** Undefined: the user gets no events. */
  readonly onEvent: ((by: -1 | 1) => void) | undefined;
  /** More controls. */
  readonly children?: ComponentChildren;
}

export function PlaybackControls({ onEvent, children }: PlaybackControlsProps) {
  const words = recordingsWords.value;
  const { language } = i18n();
  const isNarrow = useMedia('(max-width: 359px)');
  const speeds = SPEEDS.map((value) => ({ value: String(value), text: `${number(value, 2, language)}×` }));
  const steps = [
    { value: 'back', text: words.pictureBack },
    { value: 'on', text: words.pictureOn },
  ];
  return (
    <div class="transport">
      <div class="controls">
        {onEvent && <Press icon="eventBack" label={words.eventBack} onPress={() => onEvent(-1)} />}
        {!isNarrow && <Press icon="frameBack" label={words.pictureBack} onPress={() => step(-1)} />}
        <button
          class="round play"
          type="button"
          aria-label={isPlaying.value ? words.halt : words.play}
          onClick={() => (isPlaying.peek() ? pause() : play())}
        >
          <Icon name={isPlaying.value ? 'halt' : 'play'} />
        </button>
        {!isNarrow && <Press icon="frameOn" label={words.pictureOn} onPress={() => step(1)} />}
        {onEvent && <Press icon="eventOn" label={words.eventOn} onPress={() => onEvent(1)} />}
        <Select
          class="chip"
          label={words.speed}
          value={String(speed.value)}
          options={isNarrow ? [...speeds, ...steps] : speeds}
          onChange={(value) => {
            if (value === 'back' || value === 'on') {
              step(value === 'back' ? -1 : 1);
            } else {
              speed.value = Number(value);
            }
          }}
        />
      </div>
      {children && <div class="more">{children}</div>}
    </div>
  );
}

function Press({
  icon,
  label,
  onPress,
}: {
  readonly icon: IconName;
  readonly label: string;
  readonly onPress: () => void;
}) {
  return (
    <button class="round" type="button" aria-label={label} onClick={onPress}>
      <Icon name={icon} />
    </button>
  );
}
