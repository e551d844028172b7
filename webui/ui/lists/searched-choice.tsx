import { useState } from 'preact/hooks';
import { type ChoiceProps, Select, shownOf } from '../controls/choice.tsx';
import { Icon } from '../icons/icon.tsx';
import { Sheet } from '../sheet/sheet.tsx';
import { SEARCHED_FROM } from './list-search.tsx';
import { SearchedOptions } from './searched-list.tsx';

/** A choice; a long one is a sheet with a search field. */
export function SearchedChoice(props: ChoiceProps) {
  const { label, value, options, onChange } = props;
  const [isOpen, setOpen] = useState(false);
  const [chosen, setChosen] = useState<string>();
  if (options.length <= SEARCHED_FROM) {
    return <Select {...props} />;
  }
  const shown = shownOf(props);
  return (
    <>
      <button
        class={`choice ${props.class}`}
        type="button"
        aria-haspopup="dialog"
        aria-label={shown === label ? label : `${label}: ${shown}`}
        onClick={() => setOpen(true)}
      >
        <span class="shown">
          <bdi>{shown}</bdi>
          <Icon name="down" small={props.class === 'chip'} />
        </span>
      </button>
      {isOpen && (
        <Sheet
          title={label}
          isDone={chosen !== undefined}
          onClosed={() => {
            setOpen(false);
            setChosen(undefined);
            if (chosen !== undefined) {
              onChange(chosen);
            }
          }}
        >
          <div class="finder">
            <SearchedOptions value={value} options={options} onChoose={setChosen} />
          </div>
        </Sheet>
      )}
    </>
  );
}
