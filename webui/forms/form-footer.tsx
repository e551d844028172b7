import { saveErrorText } from '../api-client/error-text.ts';
import { Button } from '../ui/controls/button.tsx';
import { reasonsWords } from '../words/reasons.ts';
import { words } from '../words/words.ts';
import type { Form } from './form.ts';

export interface FormFooterProps<V extends object> {
  readonly form: Form<V>;
  /** Effect of saving. */
  readonly text: string;
  /** Label; default: Save. */
  readonly action?: string | undefined;
  /** Label while it is busy; default: Saving. */
  readonly busy?: string | undefined;
  /** There is nothing to save yet. */
  readonly isOff?: boolean | undefined;
}

/** The save button, with its effect or the failure below. */
export function FormFooter<V extends object>({ form, text, action, busy, isOff = false }: FormFooterProps<V>) {
  const { save, saving } = words.value;
  const state = form.saving.value;
  const failure = form.failure.value;
  return (
    <>
      <Button kind="main" type="submit" isOff={isOff} busy={state !== 'no' && (busy ?? saving)}>
        {action ?? save}
      </Button>
      <p class={failure === undefined ? 'dim small' : 'bad small'} role="status">
        {state === 'waiting' ? reasonsWords.value.savedLater : failure === undefined ? text : saveErrorText(failure)}
      </p>
    </>
  );
}
