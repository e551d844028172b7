import { useId } from 'preact/hooks';
import { words } from '../../words/words.ts';
import { stepOf } from '../browser/keys.ts';
import { Icon } from '../icons/icon.tsx';

interface StepperProps {
  readonly label: string;
  readonly value: number;
  /** Values in order. */
  readonly steps: readonly number[];
  /** `14 days` */
  readonly format: (value: number) => string;
  readonly onChange: (value: number) => void;
  readonly hint?: string | undefined;
}

/** Two buttons, or the arrow keys of a slider. A value between the steps moves to a neighbour. */
export function Stepper({ label, value, steps, format, onChange, hint }: StepperProps) {
  const id = useId();
  const { less, more } = words.value;
  const below = steps.findLast((step) => step < value);
  const above = steps.find((step) => step > value);
  const go = (to: number | undefined) => to !== undefined && onChange(to);
  return (
    <div class="field">
      <span class="label" id={id}>
        {label}
      </span>
      <div class="input stepper">
        <button class="round" type="button" aria-label={less} disabled={below === undefined} onClick={() => go(below)}>
          <Icon name="minus" />
        </button>
        <div
          class="digits"
          role="spinbutton"
          tabIndex={0}
          aria-labelledby={id}
          aria-valuenow={value}
          aria-valuemin={steps[0]}
          aria-valuemax={steps.at(-1)}
          aria-valuetext={format(value)}
          onKeyDown={(event) => {
            const to = stepOf(event, { ArrowUp: above, ArrowRight: above, ArrowDown: below, ArrowLeft: below });
            if (to !== undefined) {
              event.preventDefault();
              go(to);
            }
          }}
        >
          {format(value)}
        </div>
        <button class="round" type="button" aria-label={more} disabled={above === undefined} onClick={() => go(above)}>
          <Icon name="plus" />
        </button>
      </div>
      {hint !== undefined && <p class="hint">{hint}</p>}
    </div>
  );
}
