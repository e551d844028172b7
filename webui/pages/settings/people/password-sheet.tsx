import { useMemo } from 'preact/hooks';
import { fetchJson, RequestError } from '../../../api-client/request.ts';
import { fieldProps } from '../../../forms/field-props.ts';
import { FieldError } from '../../../forms/form.ts';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { passwordError } from '../../../forms/password-error.ts';
import { serverForm } from '../../../forms/server-form.ts';
import { PasswordField } from '../../../ui/controls/field.tsx';
import { UnencryptedNotice } from '../../../ui/controls/login-notes.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { youWords } from '../../../words/settings/you.ts';

interface Passwords {
  readonly oldPassword: string;
  readonly newPassword: string;
}

/** Changes the own password, which ends all other sessions. */
export function PasswordSheet({ onClosed }: { readonly onClosed: () => void }) {
  const t = youWords.value;
  const form = useMemo(newForm, []);
  return (
    <FormSheet
      title={t.changePassword}
      form={form}
      onClosed={onClosed}
      onSaved={() => toast(youWords.peek().passwordChanged)}
      text={t.otherDevices}
    >
      <PasswordField label={t.oldPassword} autocomplete="current-password" {...fieldProps(form, 'oldPassword')} />
      <PasswordField
        label={t.newPassword}
        autocomplete="new-password"
        hint={t.newPasswordHint}
        {...fieldProps(form, 'newPassword')}
      />
      <UnencryptedNotice />
    </FormSheet>
  );
}

const newForm = () =>
  serverForm<Passwords>({
    initial: { oldPassword: '', newPassword: '' },
    validate: {
      newPassword: (text) => ([...text].length < 8 ? youWords.peek().newPasswordHint : undefined),
    },
    save: async (values) => {
      try {
        await fetchJson('v3/session/password', { method: 'POST', body: values });
      } catch (error) {
        throw inField(error);
      }
    },
  });

/** The length was checked here, so the box rejects only common passwords. */
const inField = (error: unknown): unknown =>
  error instanceof RequestError && error.status === 400
    ? new FieldError<Passwords>('newPassword', youWords.peek().newPasswordCommon)
    : passwordError<Passwords>(error, 'oldPassword', youWords.peek().oldPasswordWrong);
