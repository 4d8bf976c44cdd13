/** What this browser keeps for the page: keys, sessions, the logs that it has seen, and the shares made in it. */

const NAME = "headwater";
const VERSION = 3;
const STORES = ["keys", "sessions", "logs", "shares"] as const;
export type StoreName = (typeof STORES)[number];

/** What is kept under `key`, after `change` was made to it; undefined removes it. All in one transaction. */
export async function update<T>(store: StoreName, key: string, change: (kept: T | undefined) => T | undefined): Promise<T | undefined> {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(store, "readwrite");
    const objects = transaction.objectStore(store);
    const asked = objects.get(key) as IDBRequest<T | undefined>;
    let changed: T | undefined;
    asked.onsuccess = () => {
      changed = change(asked.result);
      if (changed === undefined) objects.delete(key);
      else if (changed !== asked.result) objects.put(changed, key);
    };
    transaction.oncomplete = () => resolve(changed);
    transaction.onerror = transaction.onabort = () => reject(transaction.error ?? new Error("the browser keeps nothing"));
  });
}

/** What is kept under `key`. */
export function get<T>(store: StoreName, key: string): Promise<T | undefined> {
  return update<T>(store, key, (kept) => kept);
}

/** All that is kept in a store. */
export async function all<T>(store: StoreName): Promise<T[]> {
  const request = (await open()).transaction(store).objectStore(store).getAll() as IDBRequest<T[]>;
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser keeps nothing"));
  });
}

let opened: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = ({ oldVersion }) => {
      const { result } = request;
      // Up to version 2 shares were kept so that anybody with the disk could read them.
      if (oldVersion > 0 && oldVersion < 3 && result.objectStoreNames.contains("shares")) result.deleteObjectStore("shares");
      STORES.filter((store) => !result.objectStoreNames.contains(store)).forEach((store) => result.createObjectStore(store));
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser keeps nothing"));
  });
  return opened;
}
