import { saveErrorText } from '../api-client/error-text.ts';
import { Button } from '../ui/controls/button.tsx';
import { words } from '../words/words.ts';
import type { Form } from './form.ts';

interface FormFooterProps<V extends object> {
  readonly form: Form<V>;
  /** What saving will do. */
  readonly text: string;
  /** Instead of Save. */
  readonly action?: string;
  /** There is nothing to save yet. */
  readonly isOff?: boolean;
}

/** Save, and below it what that will do; or why it has not been done. */
export function FormFooter<V extends object>({ form, text, action, isOff = false }: FormFooterProps<V>) {
  const { save, saving, savedLater } = words.value;
  const state = form.saving.value;
  const failure = form.failure.value;
  return (
    <>
      <Button kind="main" type="submit" isOff={isOff} busy={state !== 'no' && saving}>
        {action ?? save}
      </Button>
      <p class={failure === undefined ? 'dim small' : 'bad small'} role="status">
        {state === 'waiting' ? savedLater : failure === undefined ? text : saveErrorText(failure)}
      </p>
    </>
  );
}
