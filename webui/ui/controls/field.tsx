import type { ComponentChildren, TargetedInputEvent } from 'preact';
import { useId, useState } from 'preact/hooks';
import { words } from '../../words/words.ts';
import { Icon } from '../icons/icon.tsx';

interface HintProps {
  /** `good` shows a tick. */
  readonly hint?: string | undefined;
  readonly good?: boolean;
  /** Replaces the hint. */
  readonly wrong?: string | undefined;
}

interface FieldProps extends HintProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly onLeave?: () => void;
  readonly name: string;
  /** Read-only while a request is running. */
  readonly isLocked?: boolean;
  /** Keyboard of phones. */
  readonly inputMode?: 'text' | 'numeric';
  readonly autocomplete: 'new-password' | 'current-password' | 'one-time-code' | 'username' | 'off';
}

/** A password field. It has a button that shows the password, instead of a second field. */
export function PasswordField(props: FieldProps) {
  const [isShown, setShown] = useState(false);
  const t = words.value;
  return (
    <Field {...props} type={isShown ? 'text' : 'password'}>
      <button
        class="round"
        type="button"
        aria-label={isShown ? t.hidePassword : t.showPassword}
        aria-pressed={isShown}
        onClick={() => setShown(!isShown)}
      >
        <Icon name={isShown ? 'eyeOff' : 'eye'} />
      </button>
    </Field>
  );
}

export const TextField = (props: FieldProps) => <Field {...props} type="text" />;

function Field(props: FieldProps & { readonly type: 'text' | 'password'; readonly children?: ComponentChildren }) {
  const id = useId();
  const { label, value, wrong, name, autocomplete, children } = props;
  const input = {
    id,
    name,
    autocomplete,
    autocapitalize: 'none',
    spellcheck: false,
    readOnly: props.isLocked === true,
    inputMode: props.inputMode,
    value,
    'aria-invalid': wrong !== undefined,
    'aria-describedby': `${id}-hint`,
    onInput: (event: TargetedInputEvent<HTMLInputElement>) => props.onInput(event.currentTarget.value),
    onBlur: () => props.onLeave?.(),
  } as const;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class={wrong ? 'input wrong' : 'input'}>
        {props.type === 'password' ? <input {...input} type="password" /> : <input {...input} type="text" />}
        {children}
      </div>
      <Hint id={`${id}-hint`} {...props} />
    </div>
  );
}

function Hint({ id, hint, good, wrong }: HintProps & { readonly id: string }) {
  return (
    <p class={wrong ? 'hint bad' : 'hint'} id={id} role={wrong ? 'alert' : undefined}>
      {wrong ? <Icon name="alert" small /> : good && <Icon name="ok" small />}
      <span>{wrong ?? hint}</span>
    </p>
  );
}
