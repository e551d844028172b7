import { useMemo } from 'preact/hooks';
import { fieldProps } from '../../../../forms/field-props.ts';
import { FormSheet } from '../../../../forms/form-sheet.tsx';
import { passwordError } from '../../../../forms/password-error.ts';
import { serverForm } from '../../../../forms/server-form.ts';
import { PasswordField } from '../../../../ui/controls/field.tsx';
import { UnencryptedNotice } from '../../../../ui/controls/login-notes.tsx';
import { words } from '../../../../words/words.ts';

interface Values {
  readonly password: string;
}

interface OwnerPasswordProps {
  /** The action, also on the button. */
  readonly title: string;
  readonly text: string;
  readonly busy?: string;
  readonly work: (password: string) => Promise<void>;
  readonly onClosed: () => void;
}

/** Something that shows passwords, for the owner's password. */
export function OwnerPasswordSheet({ title, text, busy, work, onClosed }: OwnerPasswordProps) {
  const form = useMemo(() => newForm(work), []);
  return (
    <FormSheet title={title} form={form} onClosed={onClosed} action={title} text={text} busy={busy}>
      <PasswordField
        label={words.value.yourPassword}
        autocomplete="current-password"
        {...fieldProps(form, 'password')}
      />
      <UnencryptedNotice />
    </FormSheet>
  );
}

const newForm = (work: OwnerPasswordProps['work']) =>
  serverForm<Values>({
    initial: { password: '' },
    validate: { password: (text) => (text === '' ? words.peek().loginWrongPassword : undefined) },
    save: async ({ password }) => {
      try {
        await work(password);
      } catch (error) {
        throw passwordError<Values>(error, 'password', words.peek().loginWrongPassword);
      }
    },
  });
