"""The sidebar in which a comparison is put together: pictures, networks, method and its form, Run."""
