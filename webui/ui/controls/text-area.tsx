import { useId } from 'preact/hooks';

interface TextAreaProps {
  readonly label: string;
  readonly hint: string;
  readonly name: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly isLocked: boolean;
  /** Replaces the hint. */
  readonly wrong?: string | undefined;
}

const ROWS = 5;

/** A field of several lines. */
export function TextArea({ label, hint, name, value, onInput, isLocked, wrong }: TextAreaProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class={wrong ? 'input lines wrong' : 'input lines'}>
        <textarea
          id={id}
          name={name}
          rows={ROWS}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          readOnly={isLocked}
          value={value}
          aria-invalid={wrong !== undefined}
          aria-describedby={`${id}-hint`}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      </div>
      <p class={wrong ? 'hint bad' : 'hint'} id={`${id}-hint`} role={wrong ? 'alert' : undefined}>
        <span>{wrong ?? hint}</span>
      </p>
    </div>
  );
}
