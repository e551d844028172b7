import { useMemo } from 'preact/hooks';
import { ask, BoxError } from '../../../api-client/request.ts';
import { boxForm } from '../../../forms/server-form.ts';
import { FieldError } from '../../../forms/form.ts';
import { FormFoot } from '../../../forms/form-footer.tsx';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { ClearText } from '../../../ui/controls/login-notes.tsx';
import { PasswordField } from '../../../ui/controls/field.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { words } from '../../../words/words.ts';
import { youWords } from '../../../words/you.ts';

const SHORTEST = 8;

interface Passwords {
  readonly oldPassword: string;
  readonly newPassword: string;
}

/** One's own password: all other devices have to log in again. */
export function PasswordSheet({ onClosed }: { readonly onClosed: () => void }) {
  const say = youWords.value;
  const form = useMemo(newForm, []);
  const isLocked = form.saving.value !== 'no';
  return (
    <FormSheet
      title={say.changePassword}
      form={form}
      onClosed={onClosed}
      onSaved={() => toast(youWords.peek().passwordChanged)}
      foot={<FormFoot form={form} text={say.otherDevices} />}
    >
      <PasswordField
        label={say.oldPassword}
        name="oldPassword"
        autocomplete="current-password"
        value={form.values.value.oldPassword}
        onInput={(value) => form.set('oldPassword', value)}
        isLocked={isLocked}
        wrong={form.wrong.value.oldPassword}
      />
      <PasswordField
        label={say.newPassword}
        name="newPassword"
        autocomplete="new-password"
        value={form.values.value.newPassword}
        onInput={(value) => form.set('newPassword', value)}
        onLeave={() => form.leave('newPassword')}
        isLocked={isLocked}
        hint={say.newPasswordHint}
        wrong={form.wrong.value.newPassword}
      />
      <ClearText />
    </FormSheet>
  );
}

const newForm = () =>
  boxForm<Passwords>({
    initial: { oldPassword: '', newPassword: '' },
    judge: {
      newPassword: (text) => ([...text].length < SHORTEST ? youWords.peek().newPasswordHint : undefined),
    },
    save: async (values) => {
      try {
        await ask('v3/session/password', { method: 'POST', body: values });
      } catch (error) {
        throw inField(error);
      }
    },
  });

function inField(error: unknown): unknown {
  const { status, retryAfterS } = error instanceof BoxError ? error : { status: undefined, retryAfterS: undefined };
  switch (status) {
    case 400:
      return new FieldError<Passwords>('newPassword', youWords.peek().newPasswordCommon);
    case 403:
      return new FieldError<Passwords>('oldPassword', youWords.peek().oldPasswordWrong);
    case 429:
      return new FieldError<Passwords>('oldPassword', words.peek().tooManyTries(retryAfterS ?? 1));
    default:
      return error;
  }
}
