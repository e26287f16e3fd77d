import { useInfiniteQuery } from "@tanstack/react-query";
import type { InfiniteData, UseInfiniteQueryOptions } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import type { Page } from "./nouns";

type Options<T> = UseInfiniteQueryOptions<Page<T>, Error, InfiniteData<Page<T>>, any, string>; // oxlint-disable-line no-explicit-any -- the key's type differs by noun and is of no use here

// usePages reads a cursor-paged list as one growing array. `more` is missing once everything has been read.
export function usePages<T>(options: Options<T>) {
  const query = useInfiniteQuery(options);
  const { fetchNextPage, hasNextPage, isFetchingNextPage, isError } = query;
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items ?? []) ?? [], [query.data]);
  const next = useCallback(() => {
    if (!isFetchingNextPage && !isError) void fetchNextPage();
  }, [fetchNextPage, isFetchingNextPage, isError]);
  return {
    rows,
    more: hasNextPage ? next : undefined,
    loading: query.isPending,
    error: query.error,
    retry: () => void query.refetch(),
  };
}
