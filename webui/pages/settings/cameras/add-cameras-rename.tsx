import { useMemo } from 'preact/hooks';
import { encodeName } from '../../../api-client/urls.ts';
import { paths } from '../../../api-client/paths.ts';
import { ask } from '../../../api-client/request.ts';
import type { Camera } from '../../../cameras/camera.ts';
import { boxForm } from '../../../forms/server-form.ts';
import { FormFoot } from '../../../forms/form-footer.tsx';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { TextField } from '../../../ui/controls/field.tsx';
import { camerasWords } from '../../../words/cameras.ts';
import { startWords } from '../../../words/start.ts';

/** What people call a camera. */
export function RenameSheet({ camera, onClosed }: { readonly camera: Camera; readonly onClosed: () => void }) {
  const { nameOf, nameText } = startWords.value;
  const form = useMemo(() => newForm(camera.name, camera.title), [camera.name]);
  return (
    <FormSheet
      title={nameOf(camera.title)}
      form={form}
      onClosed={onClosed}
      onSaved={() => {}}
      foot={<FormFoot form={form} text={nameText} />}
    >
      <TextField
        label={camerasWords.value.name}
        name="title"
        autocomplete="off"
        value={form.values.value.title}
        onInput={(value) => form.set('title', value)}
        isLocked={form.saving.value !== 'no'}
        wrong={form.wrong.value.title}
      />
    </FormSheet>
  );
}

const newForm = (path: string, title: string) =>
  boxForm<{ title: string }>({
    initial: { title },
    judge: { title: (text) => (text.trim() === '' ? startWords.peek().nameWrong : undefined) },
    save: async (values) => {
      const body = { title: values.title.trim() };
      await ask(`v3/cameras/patch/${encodeName(path)}`, { method: 'PATCH', body });
      // It stands there at once, not only when the box is asked again.
      paths.value = paths.peek()?.map((item) => (item.name === path ? { ...item, ...body } : item));
    },
  });
