def catchment_page(datasets, summary):
    return "x"
