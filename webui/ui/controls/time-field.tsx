import { useState } from 'preact/hooks';
import { clockKeys, clockOf, parseClock } from '../../words/clock-text.ts';
import { i18n } from '../../words/i18n.ts';
import { TextField } from './field.tsx';

interface TimeFieldProps {
  readonly label: string;
  readonly name: string;
  /** `14:02` */
  readonly value: string;
  /** While it is typed, and with `isLeft` afterwards. @param time empty if it is none */
  readonly onSet: (time: string, isLeft: boolean) => void;
  /** Shown for a text that is no time. */
  readonly wrong: string;
}

/** A time in the clock of the page. The browser's own field has that of the browser's interface, which may be another. */
export function TimeField({ label, name, value, onSet, wrong }: TimeFieldProps) {
  const { language } = i18n();
  const [typed, setTyped] = useState<string>();
  const [isLeft, setLeft] = useState(true);
  const time = typed === undefined ? value : (parseClock(typed) ?? '');
  return (
    <TextField
      {...{ label, name }}
      autocomplete="off"
      inputMode={clockKeys(language)}
      value={typed ?? clockOf(value, language)}
      wrong={isLeft && time === '' ? wrong : undefined}
      onInput={(text) => {
        setTyped(text);
        setLeft(false);
        onSet(parseClock(text) ?? '', false);
      }}
      onLeave={() => {
        setLeft(true);
        if (typed !== undefined) {
          setTyped(time === '' ? typed : undefined);
          onSet(time, true);
        }
      }}
    />
  );
}
