import { useId } from 'preact/hooks';
import { TextField } from '../ui/controls/field.tsx';
import { copyingWords } from '../words/settings/copying.ts';
import { storageWords } from '../words/settings/storage.ts';
import { type Limits, wrongLimit } from './limits.ts';

interface LimitsCardProps {
  readonly value: Limits;
  /** How a rate is written, and that without one. */
  readonly rateHint?: string;
  readonly onChange: (value: Limits) => void;
}

/** The period and the rate of what comes over the network. */
export function LimitsCard({ value, rateHint = storageWords.value.rateHint, onChange }: LimitsCardProps) {
  const t = copyingWords.value;
  const wrong = wrongLimit(value);
  const set = (change: Partial<Limits>) => onChange({ ...value, ...change });
  return (
    <div class="card padded fetch-limits">
      <Day label={t.firstDay} value={value.firstDay} hint={t.dayHint} onInput={(firstDay) => set({ firstDay })} />
      <Day
        label={t.lastDay}
        value={value.lastDay}
        hint={wrong === 'lastDay' ? t.lastDayWrong : t.dayHint}
        isWrong={wrong === 'lastDay'}
        onInput={(lastDay) => set({ lastDay })}
      />
      <TextField
        label={storageWords.value.rate}
        name="rate"
        autocomplete="off"
        value={value.rate}
        hint={rateHint}
        wrong={wrong === 'rate' ? storageWords.value.rateWrong : undefined}
        onInput={(rate) => set({ rate })}
      />
    </div>
  );
}

interface DayProps {
  readonly label: string;
  readonly value: string;
  readonly hint: string;
  readonly isWrong?: boolean;
  readonly onInput: (day: string) => void;
}

function Day({ label, value, hint, isWrong = false, onInput }: DayProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class={isWrong ? 'input wrong' : 'input'}>
        <input
          id={id}
          type="date"
          value={value}
          aria-invalid={isWrong}
          aria-describedby={`${id}-hint`}
          onInput={({ currentTarget }) => onInput(currentTarget.value)}
        />
      </div>
      <p class={isWrong ? 'hint bad' : 'hint'} id={`${id}-hint`} role={isWrong ? 'alert' : undefined}>
        {hint}
      </p>
    </div>
  );
}
