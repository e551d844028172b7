import type { BoxAnswer } from '../../../agent/features/boxes/routes.ts';
import { readableName } from '../../cameras/camera.ts';
import type { Form } from '../../forms/form.ts';
import { ChipsField } from '../../people/access-fields.tsx';
import { toggled } from '../../people/people.ts';

interface OfferedFieldProps<V extends { readonly cameras: readonly string[] }> {
  readonly form: Form<V>;
  readonly label: string;
  readonly offered: BoxAnswer['cameras'];
}

/** Cameras of a box, to choose from. */
export function OfferedField<V extends { readonly cameras: readonly string[] }>(props: OfferedFieldProps<V>) {
  const { form, label, offered } = props;
  const { cameras } = form.values.value;
  return (
    <ChipsField
      label={label}
      options={offered.map(({ path, name }) => ({ value: path, text: name ?? readableName(path) }))}
      chosen={cameras}
      onTap={(path) => form.set('cameras', toggled(cameras, path))}
      wrong={undefined}
    />
  );
}
