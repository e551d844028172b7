import { Icon } from '../icons/icon.tsx';

export interface ChoiceProps {
  readonly class: 'title' | 'chip';
  readonly label: string;
  readonly value: string;
  readonly options: readonly { readonly value: string; readonly text: string }[];
  readonly onChange: (value: string) => void;
}

/** The chosen option; the label while there is none. */
export const shownOf = ({ label, value, options }: Pick<ChoiceProps, 'label' | 'value' | 'options'>): string =>
  options.find((option) => option.value === value)?.text ?? label;

/** The native select under a title or chip. */
export function Select({ label, value, options, onChange, ...more }: ChoiceProps) {
  return (
    <label class={`choice ${more.class}`}>
      <span class="visually-hidden">{label}</span>
      <span class="shown" aria-hidden="true">
        <bdi>{shownOf({ label, value, options })}</bdi>
        <Icon name="down" small={more.class === 'chip'} />
      </span>
      <select
        value={value}
        onChange={({ currentTarget }) => {
          const chosen = currentTarget.value;
          // The value is controlled: a choice may be rejected.
          currentTarget.value = value;
          onChange(chosen);
        }}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.text}
          </option>
        ))}
      </select>
    </label>
  );
}
