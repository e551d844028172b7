import type { Form } from '../../forms/form.ts';
import { CamerasField, ChipsField } from '../../people/access-fields.tsx';
import { rightsFor } from '../../people/people.ts';
import { SERVER_RIGHTS, type ServerTerms, serverRightName } from './server-data.ts';
import { boxesWords } from './words.ts';

/** Cameras and rights of a server. */
export function ServerFields({ form }: { readonly form: Form<ServerTerms> }) {
  const { cameras, rights } = form.values.value;
  const wrong = form.wrong.value;
  return (
    <>
      <CamerasField
        chosen={cameras}
        onChosen={(value) => {
          form.set('cameras', value);
          form.set('rights', rightsFor(rights, cameras, value));
        }}
        wrong={wrong.cameras}
      />
      <ChipsField
        label={boxesWords.value.serverMay}
        options={SERVER_RIGHTS.map((value) => ({ value, text: serverRightName(value) }))}
        chosen={rights}
        onTap={(right) =>
          form.set('rights', rights.includes(right) ? rights.filter((one) => one !== right) : [...rights, right])
        }
        wrong={wrong.rights}
      />
    </>
  );
}
