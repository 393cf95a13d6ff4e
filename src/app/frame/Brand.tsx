// The mark: two sockets joined by a cable.

export function Brand() {
  return (
    <h1 className="brand">
      <svg width="28" height="20" viewBox="0 0 28 20" fill="none" aria-hidden="true">
        <circle cx="5" cy="5" r="3.6" stroke="var(--ink)" strokeWidth="1.8" />
        <circle cx="23" cy="15" r="3.6" stroke="var(--ink)" strokeWidth="1.8" />
        <path d="M5 5C5 17 23 3 23 15" stroke="var(--accent)" strokeWidth="2.2" strokeLinecap="round" />
      </svg>
      Patchbay
    </h1>
  );
}
