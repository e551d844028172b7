import { useId } from 'preact/hooks';

interface SegmentProps<T extends string> {
  readonly label: string;
  /** Undefined: none is chosen. */
  readonly value: T | undefined;
  readonly options: readonly { readonly value: T; readonly text: string }[];
  readonly onChange: (value: T) => void;
}

/** Radio buttons side by side. */
export function SegmentedControl<T extends string>({ label, value, options, onChange }: SegmentProps<T>) {
  const name = useId();
  return (
    <fieldset class="field segment">
      <legend>{label}</legend>
      <div>
        {options.map((option) => (
          <label key={option.value}>
            <input type="radio" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
            <span>{option.text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
