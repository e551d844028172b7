import { followers } from '../timeline/view.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { recordingsWords } from '../words/recordings.ts';

const NONE = '';

interface StepChoiceProps {
  readonly cameras: readonly { readonly name: string; readonly title: string }[];
}

/** Which camera shows the same moment below; for where there are no lanes to choose it by. */
export function StepChoice({ cameras }: StepChoiceProps) {
  const { stepWith, stepAlone } = recordingsWords.value;
  return (
    <label class="round step-choice">
      <Icon name="arrange" />
      <select
        aria-label={stepWith}
        value={followers.value.at(-1) ?? NONE}
        onChange={({ currentTarget: { value } }) => {
          followers.value = value === NONE ? [] : [value];
        }}
      >
        <option value={NONE}>{stepAlone}</option>
        {cameras.map(({ name, title }) => (
          <option key={name} value={name}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}
