// One line about the socket that is looked at, and what can be hung there without a cable from elsewhere.

import { Popover } from 'radix-ui';
import { useState } from 'react';
import type { SocketAddress } from '../../figures/rack/rackDescription.ts';
import { useBench, useDocument, useHand, usePatchDraft } from './benchContext.tsx';
import { type Place, shownSource, sourceRun } from './document.ts';
import { placeOf, type Shelf } from './sockets.ts';
import { VectorForm } from './VectorForm.tsx';

interface SocketBarProps {
  readonly shelf: Shelf;
  readonly wordsOf: (address: SocketAddress) => string;
}

const withoutSource = [
  { type: 'ZeroIntervention', label: 'Zero' },
  { type: 'NoiseIntervention', label: 'Noise' },
  { type: 'CollectIntervention', label: 'Collect' },
] as const;

/** The place of the source that stands for a place of the base; undefined where there is none. */
function sourcePlace(place: Place, run: string, matching: readonly (number | null)[]): Place | undefined {
  if (place.positions === 'all') return { ...place, run };
  const positions = place.positions.flatMap((position) => matching[position] ?? []);
  return positions.length === place.positions.length ? { ...place, run, positions } : undefined;
}

function Actions({ shelf, place }: { readonly shelf: Shelf; readonly place: Place }) {
  const bench = useBench();
  const { matchingOf } = usePatchDraft();
  const document = useDocument();
  const [isOpen, setIsOpen] = useState(false);
  const from =
    place.run === 'base'
      ? sourcePlace(place, sourceRun(shownSource(document)), matchingOf(shelf.component.name))
      : undefined;
  const isPair = shelf.component.layout === 'pair';
  return (
    <span className="socket-actions">
      {from && (
        <button
          type="button"
          className="button button-primary"
          onClick={() => bench.addCable({ type: 'VanillaIntervention', from, to: place, settings: {} })}
        >
          Take it from the source
        </button>
      )}
      {withoutSource.map(({ type, label }) => (
        <button
          key={type}
          type="button"
          className="button"
          onClick={() => bench.addCable({ type, from: null, to: place, settings: {} })}
        >
          {label}
        </button>
      ))}
      {!isPair && (
        <Popover.Root open={isOpen} onOpenChange={setIsOpen}>
          <Popover.Trigger asChild>
            <button type="button" className="button">
              Vector or mean
            </button>
          </Popover.Trigger>
          <Popover.Portal>
            <Popover.Content
              className="popover vector-popover"
              align="end"
              sideOffset={6}
              collisionPadding={12}
            >
              <VectorForm place={place} shelf={shelf} onDone={() => setIsOpen(false)} />
            </Popover.Content>
          </Popover.Portal>
        </Popover.Root>
      )}
      <button
        type="button"
        className="button"
        title="Or press c on a socket"
        onClick={() => bench.hand.setState({ isCarrying: true })}
      >
        Start a cable here
      </button>
    </span>
  );
}

export function SocketBar({ shelf, wordsOf }: SocketBarProps) {
  const under = useHand((state) => state.under);
  const focus = useHand((state) => state.focus);
  const picked = useHand((state) => state.picked);
  const isCarrying = useHand((state) => state.isCarrying);
  const refusal = useHand((state) => state.refusal);
  const { hand } = useBench();
  const looked = under ?? focus;
  const words = looked && wordsOf(looked);
  return (
    <div className="socket-bar">
      <p className="socket-words" data-refused={refusal !== null}>
        {refusal ??
          (isCarrying
            ? `A cable hangs from ${picked ? wordsOf({ ...picked, column: picked.columns[0] ?? 0 }) : 'a socket'}. ${looked ? `Here: ${words}.` : 'End it at a socket that lights.'}`
            : (words ??
              'Click a socket of the source and then one of the base, or drag from one to the other.'))}
      </p>
      {isCarrying ? (
        <button type="button" className="button" onClick={() => hand.drop()}>
          Drop the cable
        </button>
      ) : (
        picked && <Actions shelf={shelf} place={placeOf(shelf, picked.run, picked.layer, picked.columns)} />
      )}
    </div>
  );
}
