import { useMemo } from 'preact/hooks';
import { fieldProps } from '../../../forms/field-props.ts';
import { FormFooter } from '../../../forms/form-footer.tsx';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { passwordError } from '../../../forms/password-error.ts';
import { serverForm } from '../../../forms/server-form.ts';
import { type ConfigFile, readPasswords } from '../../../system/config-file.ts';
import { PasswordField } from '../../../ui/controls/field.tsx';
import { UnencryptedNotice } from '../../../ui/controls/login-notes.tsx';
import { systemWords } from '../../../words/system.ts';
import { words } from '../../../words/words.ts';

interface Values {
  readonly password: string;
}

interface ShowPasswordsProps {
  readonly onShown: (file: ConfigFile) => void;
  readonly onClosed: () => void;
}

/** The configuration file with its passwords, for the owner's password. */
export function ShowPasswordsSheet({ onShown, onClosed }: ShowPasswordsProps) {
  const t = systemWords.value;
  const form = useMemo(() => newForm(onShown), []);
  return (
    <FormSheet
      title={t.fileShow}
      form={form}
      onClosed={onClosed}
      onSaved={() => {}}
      foot={<FormFooter form={form} action={t.fileShow} text={t.fileShowText} />}
    >
      <PasswordField
        label={words.value.yourPassword}
        autocomplete="current-password"
        {...fieldProps(form, 'password')}
      />
      <UnencryptedNotice />
    </FormSheet>
  );
}

const newForm = (onShown: (file: ConfigFile) => void) =>
  serverForm<Values>({
    initial: { password: '' },
    validate: { password: (text) => (text === '' ? words.peek().loginWrongPassword : undefined) },
    save: async ({ password }) => {
      try {
        onShown(await readPasswords(password));
      } catch (error) {
        throw passwordError<Values>(error, 'password', words.peek().loginWrongPassword);
      }
    },
  });
