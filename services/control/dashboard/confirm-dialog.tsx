/** Asks for a service's name before something is lost, and for a reason where the audit wants one. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import type { Action, Danger } from "./action.ts";
import { CommandLine } from "./command-line.tsx";

interface Confirming {
  readonly action: Action;
  readonly danger: Danger;
  readonly confirm: (reason: string) => void;
  readonly cancel: () => void;
}

export function ConfirmDialog({ action, danger, confirm, cancel }: Confirming): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const [name, reason] = [useSignal(""), useSignal("")];
  const id = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  // A dialog that is closed gives the focus back to the button that has opened it; one that is only taken away loses it.
  const close = (): void => dialog.current?.close();
  const lacking =
    name.value !== danger.service
      ? `Type ${danger.service} to go on.`
      : danger.wantsReason && reason.value.trim() === ""
        ? "Say why, for the audit."
        : undefined;
  return (
    <dialog ref={dialog} aria-labelledby={`${id}-title`} aria-describedby={`${id}-warning`} onClose={cancel}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (lacking !== undefined) return;
          close();
          confirm(reason.value.trim());
        }}
      >
        <h2 id={`${id}-title`}>{action.label}</h2>
        <p id={`${id}-warning`}>{danger.warning}</p>
        <label>
          Name of the service
          <input value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} autocomplete="off" spellcheck={false} />
        </label>
        {danger.wantsReason && (
          <label>
            Reason
            <input value={reason.value} maxLength={1000} onInput={(event) => (reason.value = event.currentTarget.value)} autocomplete="off" />
          </label>
        )}
        <CommandLine command={action.command} />
        <div class="buttons">
          <button type="submit" class="danger" disabled={lacking !== undefined} aria-describedby={`${id}-lacking`}>
            {action.label}
          </button>
          <button type="button" onClick={close}>
            Leave it
          </button>
          <span id={`${id}-lacking`} class="why">
            {lacking}
          </span>
        </div>
      </form>
    </dialog>
  );
}
