// What pointer and keys do in the rack: they look, pick, hang cables and take them away.

import { useEffect, useMemo, useRef } from 'react';
import { isSameSocket, type SocketAddress } from '../../figures/rack/rackDescription.ts';
import { useBench } from './benchContext.tsx';
import type { Cable } from './document.ts';
import type { RackActions } from './RackFigure.tsx';
import { isAtSocket, type Shelf } from './sockets.ts';

/** How long a pointer must rest on a ring before it is measured: passing over is no question. */
const restMs = 70;

export function useRackActions(shelf: Shelf): RackActions {
  const bench = useBench();
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useMemo((): RackActions => {
    const { hand, page, sockets } = bench;
    const measureSoon = (address: SocketAddress | null) => {
      clearTimeout(timer.current);
      if (address?.run !== 'base') return;
      timer.current = setTimeout(() => {
        const state = page.store.getState();
        sockets.measure(state.document, bench.draftOf(state), shelf, address);
      }, restMs);
    };
    /** Cables that end at a socket of what the rack shows. */
    const endingAt = (address: SocketAddress): readonly Cable[] =>
      page.store.getState().document.cables.filter(({ to }) => isAtSocket(shelf, to, address));
    const tap = (address: SocketAddress, isRange: boolean) => {
      hand.setState({ focus: address });
      measureSoon(address);
      if (isRange && hand.extend(address)) return;
      const { isCarrying, picked } = hand.getState();
      const isStart =
        picked?.run === address.run &&
        picked.layer === address.layer &&
        picked.columns.includes(address.column);
      if (isCarrying && isStart) hand.drop();
      else if (isCarrying) bench.endCable(address);
      else {
        const [there] = endingAt(address);
        hand.pick(address, address.run !== 'base');
        hand.setState({ selected: there?.id ?? hand.getState().selected });
      }
    };
    return {
      tap,
      point: (address) => {
        hand.pointAt(address);
        measureSoon(address);
      },
      start: (address) => {
        const { picked } = hand.getState();
        const isWithin =
          picked?.run === address.run &&
          picked.layer === address.layer &&
          picked.columns.includes(address.column);
        if (isWithin) hand.setState({ isCarrying: true, refusal: null });
        else hand.pick(address, true);
      },
      end: (address) => {
        const { picked } = hand.getState();
        const isStart =
          address &&
          isSameSocket(address, {
            run: picked?.run ?? '',
            layer: picked?.layer ?? null,
            column: picked?.columns[0] ?? -1,
          });
        if (address && !isStart) bench.endCable(address);
        if (hand.getState().refusal === null || !address) hand.drop();
        else hand.setState({ isCarrying: false });
      },
      focus: (address) => {
        hand.setState({ focus: address });
        measureSoon(address);
      },
      key: ({ key, shiftKey, altKey, ctrlKey, metaKey }, address) => {
        if (altKey || ctrlKey || metaKey) return false;
        const { isCarrying, picked, selected } = hand.getState();
        switch (key) {
          case 'c':
            hand.pick(address, true);
            return true;
          case 'Enter':
          case ' ':
            if (!isCarrying && address.run !== 'base' && !shiftKey) hand.pick(address, true);
            else tap(address, shiftKey);
            return true;
          case '+':
          case '=':
            hand.zoomBy(1);
            return true;
          case '-':
            hand.zoomBy(-1);
            return true;
          case '0':
            hand.zoomBy(0);
            return true;
          case 'Escape':
            if (!isCarrying && picked === null) return false;
            hand.drop();
            return true;
          case 'Delete':
          case 'Backspace': {
            const [there] = endingAt(address);
            const id = there?.id ?? selected;
            if (id !== null) bench.removeCable(id);
            return id !== null;
          }
          default:
            return false;
        }
      },
      select: (selected) => hand.setState({ selected, picked: null, isCarrying: false }),
      hover: (hovered) => hand.setState({ hovered }),
      zoom: (step) => hand.zoomBy(step),
    };
  }, [bench, shelf]);
}
